import type { FormEvent } from "react";

import { playDemo, playGuest } from "../api/demo";
import { useT } from "../i18n/i18n";
import { Button } from "../ui/Button";
import { Dialog, DialogActions } from "../ui/Dialog";
import { sentenceOf } from "../ui/failure";
import { Switch } from "../ui/Switch";
import { TextField } from "../ui/TextField";
import { showToast } from "../ui/toast";
import styles from "./DemoMenu.module.css";

interface DemoDialogProps {
  isPlaying: boolean;
  onPlayingChange: (isPlaying: boolean) => void;
  onClose: () => void;
}

/** The dialog of the demo: switches the simulated guests on and off, and sends a message as a guest. */
export default function DemoDialog({ isPlaying, onPlayingChange, onClose }: DemoDialogProps) {
  const t = useT();

  async function attempt(work: Promise<unknown>): Promise<boolean> {
    try {
      await work;
      return true;
    } catch (error) {
      showToast({ text: sentenceOf(error, t) });
      return false;
    }
  }

  async function handlePlaying(wanted: boolean) {
    onPlayingChange(wanted);
    if (!(await attempt(playDemo(wanted)))) onPlayingChange(!wanted);
  }

  async function handleSubmit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = String(form.get("text") ?? "").trim();
    if (text !== "" && (await attempt(playGuest(String(form.get("phone") ?? ""), text)))) onClose();
  }

  return (
    <Dialog title={t("frame.demo_title")} isOpen onClose={onClose}>
      <form className={styles["form"]} onSubmit={(event) => void handleSubmit(event)}>
        <p>{t("frame.demo_text")}</p>
        <Switch isSelected={isPlaying} onChange={(wanted) => void handlePlaying(wanted)}>
          {t("frame.demo_playing")}
        </Switch>
        <TextField label={t("frame.demo_phone")} name="phone" type="tel" isRequired placeholder="+34600111222" />
        <TextField label={t("frame.demo_message")} name="text" rows={3} isRequired />
        <DialogActions>
          <Button onPress={onClose}>{t("ui.cancel")}</Button>
          <Button variant="primary" type="submit">
            {t("frame.demo_send")}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
