import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { createDepartment, patchDepartment } from "../api/hotel-calls";
import type { Department } from "../api/types";
import { useT } from "../i18n/i18n";
import { changesOf } from "../records/changes";
import { FormEnd } from "../records/FormEnd";
import { FormDialog } from "../records/FormDialog";
import { StaleStrip } from "../records/StaleStrip";
import { useBase } from "../records/useBase";
import { textOf, useForm } from "../records/useForm";
import { Checkbox } from "../ui/Checkbox";
import { TextField } from "../ui/TextField";
import { DepartmentAccess } from "./DepartmentAccess";
import styles from "./hotel.module.css";

interface DepartmentDialogProps {
  /** Null for a new department. */
  department: Department | null;
  departments: readonly Department[];
  isDefault: boolean;
  onClose: () => void;
}

export function DepartmentDialog({ department, departments, isDefault, onClose }: DepartmentDialogProps) {
  const t = useT();
  const { base, version, isStale, show } = useBase(department);
  return (
    <FormDialog title={base?.name ?? t("people.add_department")} onClose={onClose}>
      {isStale && <StaleStrip onShow={() => show(department)} />}
      <DepartmentForm key={version} department={base} departments={departments} isDefault={isDefault} onClose={onClose} />
    </FormDialog>
  );
}

function DepartmentForm({ department, departments, isDefault, onClose }: DepartmentDialogProps) {
  const t = useT();
  const queries = useQueryClient();
  const [handlesStays, setHandlesStays] = useState(department?.handles_stays ?? false);
  const form = useForm(["name", "handles_stays"], async (values) => {
    const next = { name: textOf(values, "name"), handles_stays: handlesStays };
    if (department === null) await createDepartment(next);
    else {
      const change = changesOf(department, next);
      if (Object.keys(change).length > 0) await patchDepartment(department.id, change);
    }
    void queries.invalidateQueries({ queryKey: ["departments"] });
    onClose();
  }, ["name"]);
  return (
    <form className={styles["form"]} onSubmit={form.submit} noValidate>
      <TextField
        label={t("people.name")}
        name="name"
        autoComplete="off"
        defaultValue={department?.name ?? ""}
        errors={form.errors["name"]}
        // Autofocus is expected, because the person has just pressed "Add".
        // oxlint-disable-next-line jsx-a11y/no-autofocus
        autoFocus={department === null}
      />
      <Checkbox isSelected={handlesStays} onChange={setHandlesStays}>
        {t("people.handles_stays")}
      </Checkbox>
      {department !== null && (
        <DepartmentAccess department={department} departments={departments} isDefault={isDefault} onClose={onClose} />
      )}
      <FormEnd
        problem={form.problem}
        isPending={form.isPending}
        onCancel={onClose}
        {...(department === null && { submit: t("people.add") })}
      />
    </form>
  );
}
