import { VolumeX } from "lucide-react";

import { unlockSound, useSoundBlocked } from "../attention/attention";
import { useT } from "../i18n/i18n";
import { Button } from "../ui/Button";

/** The button "Sound is off", shown while the browser blocks sound until a click. */
export function SoundLine() {
  const t = useT();
  const isBlocked = useSoundBlocked();
  if (!isBlocked) return null;
  return (
    <Button small onPress={() => unlockSound()}>
      <VolumeX size={16} aria-hidden />
      {t("frame.sound_off")}
    </Button>
  );
}
