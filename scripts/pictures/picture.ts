// What a picture of the portal is: a page, who looks at it, on which screen.
import type { Browser, Page } from "playwright-core";
import { type OpenPage, openPage } from "../../test/support/browser.ts";

export interface Picture {
  name: string;
  path: string;
  /** Who looks; left out, nobody is signed in. */
  as?: string;
  width?: number;
  height?: number;
  dark?: boolean;
  scale?: number;
  /** Brings the page to the state of the picture. */
  prepare?: (page: Page) => Promise<unknown>;
}

export const both = (picture: Picture): Picture[] => [
  { ...picture, name: `${picture.name}-light` },
  { ...picture, name: `${picture.name}-dark`, dark: true },
  { ...picture, name: `${picture.name}-phone-light`, width: 390, height: 844, scale: 2 },
  { ...picture, name: `${picture.name}-phone-dark`, width: 390, height: 844, scale: 2, dark: true },
];

export function look(
  browser: Browser,
  url: string,
  picture: Picture,
  person: string,
  secret: string,
): Promise<OpenPage> {
  return openPage(browser, url, {
    ...(picture.width === undefined ? {} : { width: picture.width }),
    ...(picture.height === undefined ? {} : { height: picture.height }),
    ...(picture.scale === undefined ? {} : { scale: picture.scale }),
    dark: picture.dark ?? false,
    ...(person === "" ? {} : { person: { name: person, password: secret } }),
  });
}
