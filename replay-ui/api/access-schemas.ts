// The schemas of the pages about access, people, policy and the report: loaded with the first of these pages.
import "../zod-without-eval.ts";

export {
  AccessBlock,
  AccessBlockList,
  AccessRequestPage,
  AccessRequestView,
  DraftCheck,
  IssuedCredential,
  MyAccess,
} from "../../shared/api/access.ts";
export { AddedPerson, PersonList, PersonView } from "../../shared/api/people.ts";
export { PolicyInForce, PolicyVersionList, PolicyVersionText } from "../../shared/api/policy.ts";
export { ConduitReport } from "../../shared/api/report.ts";
