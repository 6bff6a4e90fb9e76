import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { patchDepartment, type DepartmentChange } from "../api/hotel-calls";
import type { Department } from "../api/types";
import { useT } from "../i18n/i18n";
import { useOffline } from "../records/useOffline";
import { useStore } from "../store/store";
import { isolate } from "../ui/Bidi";
import { Button } from "../ui/Button";
import { sentenceOf } from "../ui/failure";
import { ProblemLine } from "../ui/Problem";
import { Select } from "../ui/Select";
import styles from "./hotel.module.css";

interface DepartmentAccessProps {
  department: Department;
  departments: readonly Department[];
  isDefault: boolean;
  onClose: () => void;
}

/**
 * The button to deactivate a department, which first asks for the department that takes over its conversations; or to
 * activate it.
 */
export function DepartmentAccess({ department, departments, isDefault, onClose }: DepartmentAccessProps) {
  const t = useT();
  const queries = useQueryClient();
  const isOffline = useOffline();
  const others = departments.filter(({ id, active }) => active && id !== department.id);
  const [isAsked, setAsked] = useState(false);
  const [moveTo, setMoveTo] = useState<number | null>(others[0]?.id ?? null);
  const [isPending, setPending] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const open = useStore(
    ({ conversations }) =>
      [...conversations.values()].filter(({ department_id, status }) => status === "relay" && department_id === department.id).length,
  );

  async function change(body: DepartmentChange) {
    setPending(true);
    setProblem(null);
    try {
      await patchDepartment(department.id, body);
      void queries.invalidateQueries({ queryKey: ["departments"] });
      onClose();
    } catch (error) {
      setProblem(sentenceOf(error, t));
    } finally {
      setPending(false);
    }
  }

  if (isDefault) return <p className={styles["hint"]}>{t("people.default_stays")}</p>;
  if (!isAsked) {
    return (
      <div className={styles["bar"]}>
        {department.active ? (
          <Button variant="danger" isDisabled={isOffline} onPress={() => setAsked(true)}>
            {t("people.deactivate")}
          </Button>
        ) : (
          <Button isDisabled={isOffline} isPending={isPending} onPress={() => void change({ active: true })}>
            {t("people.activate")}
          </Button>
        )}
        {problem !== null && <ProblemLine detail={problem} />}
      </div>
    );
  }
  return (
    <div className={styles["effect"]} role="group" aria-label={t("people.deactivate")}>
      <p>{t("people.department_effect", { name: isolate(department.name), count: open })}</p>
      {moveTo !== null && (
        <Select
          label={t("people.move_to")}
          options={others}
          value={moveTo}
          onChange={(id) => setMoveTo(Number(id))}
        />
      )}
      {problem !== null && <ProblemLine detail={problem} />}
      <div className={styles["buttons"]}>
        <Button
          variant="danger"
          isPending={isPending}
          isDisabled={isOffline}
          onPress={() => void change({ active: false, ...(moveTo !== null && { move_to: moveTo }) })}
        >
          {t("people.deactivate_now")}
        </Button>
        <Button onPress={() => setAsked(false)}>{t("records.keep")}</Button>
      </div>
    </div>
  );
}
