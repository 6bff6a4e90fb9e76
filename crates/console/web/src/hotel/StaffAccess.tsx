import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { patchStaff, type StaffChange } from "../api/hotel-calls";
import type { StaffMember } from "../api/types";
import { useT } from "../i18n/i18n";
import { useOffline } from "../records/useOffline";
import { useStore } from "../store/store";
import { isolate } from "../ui/Bidi";
import { Button } from "../ui/Button";
import { sentenceOf } from "../ui/failure";
import { ProblemLine } from "../ui/Problem";
import styles from "./hotel.module.css";
import { makePassword } from "./password";
import type { NewPassword } from "./PasswordShown";

interface StaffAccessProps {
  member: StaffMember;
  onClose: () => void;
  onPassword: (made: NewPassword) => void;
}

/** The buttons for a new password and for deactivation, each with a confirmation that describes the effect. */
export function StaffAccess({ member, onClose, onPassword }: StaffAccessProps) {
  const t = useT();
  const queries = useQueryClient();
  const isOffline = useOffline();
  const [asked, setAsked] = useState<"password" | "deactivate" | null>(null);
  const [isPending, setPending] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const owned = useStore(
    ({ conversations }) =>
      [...conversations.values()].filter(({ assigned_to, status }) => status !== "closed" && assigned_to?.id === member.id).length,
  );

  async function change(body: StaffChange, then: () => void) {
    setPending(true);
    setProblem(null);
    try {
      await patchStaff(member.id, body);
      void queries.invalidateQueries({ queryKey: ["staff"] });
      then();
    } catch (error) {
      setProblem(sentenceOf(error, t));
    } finally {
      setPending(false);
    }
  }

  function changePassword() {
    const password = makePassword();
    void change({ password }, () => onPassword({ name: member.name, username: member.username, password }));
  }

  if (asked === null) {
    return (
      <div className={styles["bar"]}>
        {member.active ? (
          <>
            <Button isDisabled={isOffline} onPress={() => setAsked("password")}>
              {t("people.new_password")}
            </Button>
            <Button variant="danger" isDisabled={isOffline} onPress={() => setAsked("deactivate")}>
              {t("people.deactivate")}
            </Button>
          </>
        ) : (
          <Button isDisabled={isOffline} isPending={isPending} onPress={() => void change({ active: true }, onClose)}>
            {t("people.activate")}
          </Button>
        )}
        {problem !== null && <ProblemLine detail={problem} />}
      </div>
    );
  }
  const isPassword = asked === "password";
  return (
    <div className={styles["effect"]} role="group" aria-label={t(isPassword ? "people.new_password" : "people.deactivate")}>
      <p>
        {isPassword
          ? t("people.password_effect", { name: isolate(member.name) })
          : t("people.deactivate_effect", { name: isolate(member.name), count: owned })}
      </p>
      {problem !== null && <ProblemLine detail={problem} />}
      <div className={styles["buttons"]}>
        <Button
          variant={isPassword ? "primary" : "danger"}
          isPending={isPending}
          isDisabled={isOffline}
          onPress={() => (isPassword ? changePassword() : void change({ active: false }, onClose))}
          // The pressed button is unmounted, so the focus moves to the confirmation.
          // oxlint-disable-next-line jsx-a11y/no-autofocus
          autoFocus
        >
          {t(isPassword ? "people.password_make" : "people.deactivate_now")}
        </Button>
        <Button onPress={() => setAsked(null)}>{t("records.keep")}</Button>
      </div>
    </div>
  );
}
