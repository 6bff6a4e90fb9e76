import { Plus } from "lucide-react";

import type { Department, StaffMember } from "../api/types";
import { useT } from "../i18n/i18n";
import { ListState } from "../records/ListState";
import { RowButton } from "../records/RowButton";
import { useOffline } from "../records/useOffline";
import { useOpened } from "../records/useOpened";
import { Bidi } from "../ui/Bidi";
import { Button } from "../ui/Button";
import { Table } from "../ui/Table";
import styles from "./hotel.module.css";
import { useDepartments, useStaff } from "./queries";
import { StaffDialog } from "./StaffDialog";

/** The table of staff members, inactive ones last. */
export function Staff() {
  const t = useT();
  const staff = useStaff();
  const departments = useDepartments().data ?? [];
  const isOffline = useOffline();
  const people = (staff.data ?? []).toSorted(
    (a, b) => Number(b.active) - Number(a.active) || a.name.localeCompare(b.name),
  );
  const opened = useOpened(people);

  return (
    <div className={styles["list"]}>
      <div className={styles["bar"]}>
        <p className={styles["hint"]}>{t("people.staff_hint")}</p>
        <Button variant="primary" isDisabled={isOffline} onPress={opened.add}>
          <Plus size={16} aria-hidden />
          {t("people.add_staff")}
        </Button>
      </div>
      <ListState query={staff} isEmpty={people.length === 0} empty={t("people.staff_empty")}>
        <Table
          label={t("people.staff")}
          columns={[t("people.name"), t("people.role"), <span key="d" className={styles["wide"]}>{t("people.departments")}</span>]}
        >
          {people.map((each) => (
            <Row key={each.id} member={each} departments={departments} onOpen={() => opened.open(each)} />
          ))}
        </Table>
      </ListState>
      {opened.isOpen && (
        <StaffDialog key={opened.key} member={opened.record} departments={departments} onClose={opened.close} />
      )}
    </div>
  );
}

interface RowProps {
  member: StaffMember;
  departments: readonly Department[];
  onOpen: () => void;
}

function Row({ member, departments, onOpen }: RowProps) {
  const t = useT();
  const names = member.department_ids.flatMap((id) => departments.find((each) => each.id === id)?.name ?? []).join(", ");
  return (
    <tr className={member.active ? undefined : styles["inactive"]}>
      <th scope="row">
        <RowButton onPress={onOpen}>{member.name}</RowButton>
        <Bidi className={styles["second"]}>{member.username}</Bidi>
        {names !== "" && <Bidi className={`${styles["second"]} ${styles["onlyNarrow"]}`}>{names}</Bidi>}
      </th>
      <td>{member.active ? t(`people.role.${member.role}`) : t("people.deactivated")}</td>
      <td className={styles["wide"]}>
        <bdi>{names}</bdi>
      </td>
    </tr>
  );
}
