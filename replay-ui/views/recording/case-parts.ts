// What the case menu fetches when it is used.
export { getImported, listCases, removeImport } from "../../api/cases-client.ts";
export { ReasonDialog } from "../../components/reason-dialog.tsx";
export { AddToCase } from "../cases/add-to-case.tsx";
export { ImportDialog } from "../cases/import-dialog.tsx";
