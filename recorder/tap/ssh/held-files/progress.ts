// What people see while they wait for a file: after a second, and then every two, a line with what is being done to it.
const firstMs = 1000;
const stepMs = 2000;

export type Phase = "fetching" | "scanning" | "sending";

const words: Record<Phase, (file: string) => string> = {
  fetching: (file) => `fetching ${file} for its scan`,
  scanning: (file) => `scanning ${file}`,
  sending: (file) => `${file} is clean, sending it to the target`,
};

export class Progress {
  readonly #say: (sentence: string) => void;
  readonly #file: string;
  #phase: Phase = "fetching";
  #part: number | undefined;
  #timer: NodeJS.Timeout;

  constructor(file: string, say: (sentence: string) => void) {
    this.#file = file;
    this.#say = say;
    const tell = (): void => {
      this.#timer = setTimeout(tell, stepMs);
      const percent = this.#part === undefined ? "" : `, ${Math.floor(Math.min(1, this.#part) * 100)} %`;
      this.#say(`${words[this.#phase](this.#file)}${percent}`);
    };
    this.#timer = setTimeout(tell, firstMs);
  }

  /** @param part from 0 to 1; left out where the end is not known. */
  at(phase: Phase, part?: number): void {
    this.#phase = phase;
    this.#part = part;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
