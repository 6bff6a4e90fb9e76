import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { createStaff, patchStaff } from "../api/hotel-calls";
import type { Department, StaffMember } from "../api/types";
import { useT } from "../i18n/i18n";
import { changesOf } from "../records/changes";
import { FormEnd } from "../records/FormEnd";
import { useMarkTyped } from "../records/typed";
import { textOf, useForm } from "../records/useForm";
import { useStore } from "../store/store";
import { Select } from "../ui/Select";
import { TextField } from "../ui/TextField";
import styles from "./hotel.module.css";
import { OrderedDepartments } from "./OrderedDepartments";
import { makePassword } from "./password";
import type { NewPassword } from "./PasswordShown";
import { StaffAccess } from "./StaffAccess";
import { StaffDevices } from "./StaffDevices";

const FIELDS = ["name", "username", "role", "department_ids"];

interface StaffFormProps {
  member: StaffMember | null;
  departments: readonly Department[];
  onClose: () => void;
  onPassword: (made: NewPassword) => void;
}

export function StaffForm({ member, departments, onClose, onPassword }: StaffFormProps) {
  const t = useT();
  const queries = useQueryClient();
  const isMyself = useStore(({ me }) => me.id === member?.id);
  const markTyped = useMarkTyped();
  const [role, setRole] = useState(member?.role ?? "staff");
  const [departmentIds, setDepartmentIds] = useState<readonly number[]>(member?.department_ids ?? []);
  const form = useForm(FIELDS, async (values) => {
    const name = textOf(values, "name");
    const username = textOf(values, "username");
    const next = { name, username, role, department_ids: [...departmentIds] };
    if (member === null) {
      const password = makePassword();
      await createStaff({ ...next, password });
      onPassword({ name, username, password });
    } else {
      const change = changesOf(member, next);
      if (Object.keys(change).length > 0) await patchStaff(member.id, change);
      onClose();
    }
    void queries.invalidateQueries({ queryKey: ["staff"] });
  }, ["name", "username"]);

  return (
    <form className={styles["form"]} onSubmit={form.submit} noValidate>
      <div className={styles["columns"]}>
        <TextField
          label={t("people.name")}
          hint={t("people.name_hint")}
          name="name"
          autoComplete="off"
          defaultValue={member?.name ?? ""}
          errors={form.errors["name"]}
          // Autofocus is expected, because the person has just pressed "Add".
          // oxlint-disable-next-line jsx-a11y/no-autofocus
          autoFocus={member === null}
        />
        <TextField
          label={t("people.username")}
          hint={t("people.username_hint")}
          name="username"
          autoComplete="off"
          spellCheck="false"
          defaultValue={member?.username ?? ""}
          errors={form.errors["username"]}
        />
      </div>
      <Select
        label={t("people.role")}
        value={role}
        options={[
          { id: "staff", name: t("people.role.staff") },
          { id: "manager", name: t("people.role.manager") },
        ]}
        onChange={(value) => {
          setRole(value === "manager" ? "manager" : "staff");
          markTyped();
        }}
        errors={form.errors["role"]}
      />
      <p className={styles["hint"]}>{t(role === "manager" ? "people.role_hint.manager" : "people.role_hint.staff")}</p>
      <OrderedDepartments
        departments={departments}
        value={departmentIds}
        onChange={(ids) => {
          setDepartmentIds(ids);
          markTyped();
        }}
        errors={form.errors["department_ids"]}
      />
      {member !== null && !isMyself && <StaffAccess member={member} onClose={onClose} onPassword={onPassword} />}
      {member !== null && !isMyself && member.active && <StaffDevices member={member} />}
      {isMyself && <p className={styles["hint"]}>{t("people.own_password")}</p>}
      {member === null && <p className={styles["hint"]}>{t("people.password_made")}</p>}
      <FormEnd
        problem={form.problem}
        isPending={form.isPending}
        onCancel={onClose}
        {...(member === null && { submit: t("people.add") })}
      />
    </form>
  );
}
