// The schemas of the API's answers, in a part of the program that is loaded after the first picture.
import "../zod-without-eval.ts";

export { ConfirmedEnrolment, Enrolment, MfaStatus, RecoveryCodes, SecondStepNeeded } from "../../shared/api/mfa.ts";
export {
  AuditPage,
  Health,
  Me,
  PictureJob,
  RecordingCustody,
  RecordingIndex,
  RecordingKeysAnswer,
  RecordingPage,
  RecordingSummary,
  SessionList,
  SigningKeyList,
  StopList,
  StopSet,
  VerifyReport,
  VncTicket,
} from "../../shared/api/types.ts";
