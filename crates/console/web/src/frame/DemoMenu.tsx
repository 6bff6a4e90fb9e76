import { FlaskConical } from "lucide-react";
import { lazy, Suspense, useEffect, useState } from "react";

import { demoSignIns } from "../api/demo";
import { useT } from "../i18n/i18n";
import { Button } from "../ui/Button";

const DemoDialog = lazy(() => import("./DemoDialog"));

/** The button of the demo in the rail, which opens `DemoDialog`. Empty if the server has no demo. */
export function DemoMenu() {
  const t = useT();
  const [isPlaying, setPlaying] = useState<boolean | null>(null);
  const [isOpen, setOpen] = useState(false);
  useEffect(() => {
    demoSignIns().then(
      (demo) => setPlaying(demo?.playing ?? null),
      () => undefined,
    );
  }, []);
  if (isPlaying === null) return null;
  return (
    <>
      <Button small onPress={() => setOpen(true)}>
        <FlaskConical size={16} aria-hidden />
        {t("frame.demo")}
      </Button>
      {isOpen && (
        <Suspense>
          <DemoDialog isPlaying={isPlaying} onPlayingChange={setPlaying} onClose={() => setOpen(false)} />
        </Suspense>
      )}
    </>
  );
}
