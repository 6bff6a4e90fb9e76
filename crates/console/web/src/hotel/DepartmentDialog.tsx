import { useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";

import { createDepartment, patchDepartment } from "../api/hotel-calls";
import type { Department, OpeningHours } from "../api/types";
import { useT } from "../i18n/i18n";
import { changesOf } from "../records/changes";
import { FormEnd } from "../records/FormEnd";
import { FormDialog } from "../records/FormDialog";
import { StaleStrip } from "../records/StaleStrip";
import { useMarkTyped } from "../records/typed";
import { useBase } from "../records/useBase";
import { textOf, useForm } from "../records/useForm";
import { Checkbox } from "../ui/Checkbox";
import { TextField } from "../ui/TextField";
import { DepartmentAccess } from "./DepartmentAccess";
import styles from "./hotel.module.css";
import { hoursOf, problemOf, weekOf, type HoursProblem, type Week } from "./opening-hours";
import { OpeningHoursField } from "./OpeningHoursField";

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
    <FormDialog title={base?.name ?? t("people.add_department")} onClose={onClose} shape="wide">
      {isStale && <StaleStrip onShow={() => show(department)} />}
      <DepartmentForm key={version} department={base} departments={departments} isDefault={isDefault} onClose={onClose} />
    </FormDialog>
  );
}

const FIELDS = ["name", "handles_stays", "first_response_minutes", "opening_hours"];

function DepartmentForm({ department, departments, isDefault, onClose }: DepartmentDialogProps) {
  const t = useT();
  const queries = useQueryClient();
  const [handlesStays, setHandlesStays] = useState(department?.handles_stays ?? false);
  const stored = department?.opening_hours ?? null;
  const [week, setWeek] = useState(stored === null ? null : weekOf(stored));
  const [problem, setProblem] = useState<HoursProblem | null>(null);
  const markTyped = useMarkTyped();
  const form = useForm(FIELDS, async (values) => {
    const minutes = textOf(values, "first_response_minutes");
    const next = {
      name: textOf(values, "name"),
      handles_stays: handlesStays,
      first_response_minutes: minutes === "" ? null : Number(minutes),
      opening_hours: hoursToSave(week, stored),
    };
    if (department === null) await createDepartment(next);
    else {
      const change = changesOf(department, next);
      if (Object.keys(change).length > 0) await patchDepartment(department.id, change);
    }
    void queries.invalidateQueries({ queryKey: ["departments"] });
    onClose();
  }, ["name"]);

  function handleSubmit(event: FormEvent<HTMLFormElement>) {
    const found = week === null ? null : problemOf(week);
    setProblem(found);
    if (found === null) form.submit(event);
    else event.preventDefault();
  }

  return (
    <form className={styles["form"]} onSubmit={handleSubmit} noValidate>
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
      <TextField
        label={t("hours.target")}
        hint={t("hours.target_hint")}
        name="first_response_minutes"
        type="number"
        inputMode="numeric"
        autoComplete="off"
        defaultValue={department?.first_response_minutes?.toString() ?? ""}
        errors={form.errors["first_response_minutes"]}
      />
      <OpeningHoursField
        value={week}
        usual={weekOf(stored)}
        problem={problem}
        errors={form.errors["opening_hours"]}
        onChange={(next) => {
          setWeek(next);
          setProblem(null);
          markTyped();
        }}
      />
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

/** Returns the stored hours if none was changed: the same hours can be written in several ways. */
function hoursToSave(week: Week | null, stored: OpeningHours | null): OpeningHours | null {
  if (week === null) return null;
  const isSame = stored !== null && JSON.stringify(week) === JSON.stringify(weekOf(stored));
  return isSame ? stored : hoursOf(week);
}
