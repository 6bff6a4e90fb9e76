import { useId, useState } from "react";

import { testSound, unlockSound } from "../attention/attention";
import { useT } from "../i18n/i18n";
import { preferencesOf } from "../store/preferences";
import { useStore } from "../store/store";
import { Button } from "../ui/Button";
import { Switch } from "../ui/Switch";
import styles from "./MeScreen.module.css";
import { NightHours } from "./NightHours";
import { Notifications } from "./Notifications";
import { Section } from "./Section";
import { useChangeSetting } from "./useSetting";

/** The settings for sounds and notifications. */
export function AttentionSection() {
  const t = useT();
  const { sounds, volume, nightHours } = preferencesOf(useStore((state) => state.settings));
  const change = useChangeSetting();
  return (
    <Section title={t("me.attention")}>
      <Switch isSelected={sounds} onChange={(isOn) => change("sounds", isOn)}>
        {t("me.sounds")}
      </Switch>
      {sounds && (
        <>
          <Volume key={volume} volume={volume} onCommit={(percent) => change("volume", percent)} />
          <NightHours hours={nightHours} onChange={(hours) => change("night_hours", hours)} />
        </>
      )}
      <Notifications />
    </Section>
  );
}

/** The volume slider. Saves when the pointer is released or the focus leaves, not at each step. */
function Volume({ volume, onCommit }: { volume: number; onCommit: (percent: number) => void }) {
  const t = useT();
  const id = useId();
  const [shown, setShown] = useState(volume);
  const commit = () => shown !== volume && onCommit(shown);
  return (
    <div className={styles["volume"]}>
      <label htmlFor={id}>{t("me.volume")}</label>
      <input
        id={id}
        type="range"
        min={10}
        max={100}
        step={10}
        value={shown}
        className={styles["range"]}
        onChange={(event) => setShown(event.target.valueAsNumber)}
        onPointerUp={commit}
        onBlur={commit}
      />
      <Button
        small
        onPress={() => {
          unlockSound();
          testSound(shown);
        }}
      >
        {t("me.test_sound")}
      </Button>
    </div>
  );
}
