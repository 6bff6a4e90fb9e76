import { Send, StickyNote } from "lucide-react";
import { useCallback, useEffect, useId, useRef, useState, type FormEvent, type KeyboardEvent } from "react";

import { useDraft } from "../drafts/drafts";
import { useT } from "../i18n/i18n";
import { sendTyping } from "../live/sync";
import { useStore } from "../store/store";
import { isolate } from "../ui/Bidi";
import { Button } from "../ui/Button";
import { focusAfterMenu, focusOn, offerFocus } from "../ui/focus";
import { isKey } from "../ui/keys";
import { TOUCH, useMediaQuery } from "../ui/useMediaQuery";
import { useMinute } from "../ui/useMinute";
import { AttachButton } from "./AttachButton";
import { CannedButton, CannedList, useCanned } from "./Canned";
import styles from "./Composer.module.css";
import { ComposerStrips } from "./ComposerStrips";
import { ComposerTop } from "./ComposerTop";
import { FileChips } from "./FileChips";
import { LaterMenu } from "./LaterMenu";
import { QuoteLine } from "./QuoteLine";
import { ScheduledStrips } from "./ScheduledStrips";
import { useStagedFiles } from "./staged-files";
import { useFileDrop } from "./useFileDrop";
import { useSchedule } from "./useSchedule";
import { useSend } from "./useSend";
import { useTypeAnywhere } from "./useTypeAnywhere";
import { windowOf } from "./window";

/**
 * The composer of one conversation: text box, strips, files. It is never disabled. Use the conversation id as `key`, so
 * that it is remounted only for another conversation.
 */
export function Composer({ conversationId: id }: { conversationId: number }) {
  const t = useT();
  const now = useMinute();
  const draft = useDraft(id);
  const conversation = useStore((state) => state.conversations.get(id));
  const hasNumber = useStore((state) => state.directory.hotel.whatsapp_phone_number_id !== null);
  const enterSends = useStore((state) => state.settings["enter_sends"] !== false);
  const isTouch = useMediaQuery(TOUCH);
  const files = useStagedFiles(id);
  const textRef = useRef<HTMLTextAreaElement>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const problemId = useId();
  const cannedId = useId();

  const focusBox = useCallback(() => {
    const box = textRef.current;
    if (box === null) return;
    box.focus();
    box.setSelectionRange(box.value.length, box.value.length);
  }, []);
  useEffect(() => offerFocus("composer", focusBox), [focusBox]);
  useTypeAnywhere(textRef);

  const windowState = conversation ? windowOf(conversation, hasNumber, now) : ({ kind: "none" } as const);
  const send = useSend({ id, draft, conversation, windowState, onProblem: setProblem });
  const later = useSchedule({ id, draft, conversation, onProblem: setProblem });
  const canned = useCanned({ conversation, draft, textRef });
  const { isDropping, takeFiles } = useFileDrop(id, hasNumber, setProblem);

  function toggleNote() {
    draft.setInternal(!draft.internal);
    setProblem(null);
    focusBox();
  }

  useEffect(() => {
    function handlePageKey(event: globalThis.KeyboardEvent) {
      if (!isKey(event, "toggleNote")) return;
      event.preventDefault();
      draft.setInternal(!draft.internal);
      focusBox();
    }
    document.addEventListener("keydown", handlePageKey);
    return () => document.removeEventListener("keydown", handlePageKey);
  }, [draft, focusBox]);

  function handleKeyDown(event: KeyboardEvent<HTMLTextAreaElement>) {
    if (canned.handleKey(event)) return;
    const { nativeEvent } = event;
    if (isKey(nativeEvent, "leave")) {
      event.preventDefault();
      focusOn("list");
      return;
    }
    if (!isKey(nativeEvent, "send")) return;
    // On touch screens Enter inserts a line break, and the button sends.
    const isPlainEnter = !nativeEvent.ctrlKey && !nativeEvent.metaKey;
    if (isPlainEnter && (!enterSends || isTouch)) return;
    event.preventDefault();
    send();
  }

  function handleSubmit(event: FormEvent) {
    event.preventDefault();
    send();
    focusBox();
  }

  const name = conversation?.guest_name ?? "";
  const room = conversation?.room_number ?? null;
  const label = draft.internal
    ? t("composer.note_label", { name })
    : room === null
      ? t("composer.label", { name })
      : t("composer.label_room", { name, room });
  const placeholder = draft.internal
    ? t("composer.note_placeholder")
    : room === null
      ? t("composer.to", { name: isolate(name) })
      : t("composer.to_room", { name: isolate(name), room: isolate(room) });
  const className = [styles["composer"], draft.internal && styles["isNote"], isDropping && styles["isDropping"]];
  return (
    <form className={className.filter(Boolean).join(" ")} onSubmit={handleSubmit} data-region aria-label={label}>
      <ScheduledStrips
        conversationId={id}
        guestName={conversation?.guest_name ?? ""}
        onPutBack={(text) => draft.putBack(text, false)}
        onDone={focusBox}
      />
      <ComposerStrips
        id={id}
        conversation={conversation}
        draft={draft}
        windowState={windowState}
        hasFiles={files.length > 0}
        onSendHeld={() => send({ hold: true })}
        onDone={focusBox}
      />
      <div className={styles["inner"]}>
        {canned.query && <CannedList id={cannedId} canned={canned} />}
        <ComposerTop isNote={draft.internal} onToggle={toggleNote} windowState={windowState} />
        {draft.replyTo !== null && !draft.internal && (
          <QuoteLine conversationId={id} messageId={draft.replyTo} onRemove={() => draft.setReplyTo(null)} />
        )}
        <div className={styles["box"]}>
          <FileChips conversationId={id} files={files} />
          <textarea
            ref={textRef}
            className={styles["text"]}
            aria-label={label}
            placeholder={placeholder}
            dir={draft.text === "" ? undefined : "auto"}
            rows={1}
            value={draft.text}
            data-region-focus=""
            aria-invalid={problem !== null}
            aria-describedby={problem === null ? undefined : problemId}
            aria-autocomplete="list"
            aria-controls={canned.query ? cannedId : undefined}
            aria-activedescendant={canned.activeId(cannedId)}
            onChange={(event) => {
              draft.setText(event.target.value);
              setProblem(null);
              sendTyping(id);
              canned.look(event.target);
            }}
            onSelect={(event) => canned.look(event.currentTarget)}
            onKeyDown={handleKeyDown}
            onPaste={(event) => {
              const pasted = [...event.clipboardData.files];
              if (pasted.length === 0) return;
              event.preventDefault();
              takeFiles(pasted);
            }}
            onFocus={() => draft.setFocused(true)}
            onBlur={() => {
              draft.setFocused(false);
              canned.close();
            }}
          />
          <div className={styles["tools"]}>
            <CannedButton canned={canned} />
            <AttachButton onChoose={takeFiles} isTouch={isTouch} />
            <Button type="submit" variant="primary" aria-label={t(draft.internal ? "composer.add_note" : "composer.send")}>
              {draft.internal ? <StickyNote size={18} aria-hidden /> : <Send size={18} aria-hidden data-directional />}
              <span className={styles["sendWord"]}>{t(draft.internal ? "composer.add_note" : "composer.send")}</span>
            </Button>
            {!draft.internal && (
              <LaterMenu
                onCheck={later.check}
                onSendAt={async (at) => {
                  focusAfterMenu("composer");
                  await later.sendAt(at);
                }}
              />
            )}
          </div>
        </div>
        {problem !== null && (
          <p id={problemId} className={styles["problem"]} role="alert">
            {problem}
          </p>
        )}
      </div>
    </form>
  );
}
