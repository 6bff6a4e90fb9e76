import { useState } from "react";

import type { Department, StaffMember } from "../api/types";
import { useT } from "../i18n/i18n";
import { FormDialog } from "../records/FormDialog";
import { StaleStrip } from "../records/StaleStrip";
import { useBase } from "../records/useBase";
import { Dialog } from "../ui/Dialog";
import { PasswordShown, type NewPassword } from "./PasswordShown";
import { StaffForm } from "./StaffForm";

interface StaffDialogProps {
  /** Null for a new staff member. */
  member: StaffMember | null;
  departments: readonly Department[];
  onClose: () => void;
}

/** The dialog of a staff member: the form, and afterwards the generated password, which is shown only once. */
export function StaffDialog({ member, departments, onClose }: StaffDialogProps) {
  const t = useT();
  const [made, setMade] = useState<NewPassword | null>(null);
  const { base, version, isStale, show } = useBase(member);
  // The password cannot be shown again, so a press outside the dialog must not close it.
  if (made !== null) {
    return (
      <Dialog title={made.name} isOpen onClose={onClose} isAlert>
        <PasswordShown password={made} onClose={onClose} />
      </Dialog>
    );
  }
  return (
    <FormDialog title={base?.name ?? t("people.add_staff")} onClose={onClose}>
      {isStale && <StaleStrip onShow={() => show(member)} />}
      <StaffForm key={version} member={base} departments={departments} onClose={onClose} onPassword={setMade} />
    </FormDialog>
  );
}
