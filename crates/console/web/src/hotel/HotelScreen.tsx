import { useT } from "../i18n/i18n";
import { GreyTable } from "../records/ListState";
import { Page } from "../records/Page";
import { useStore } from "../store/store";
import { useDelayed } from "../ui/useDelayed";
import { HotelForm } from "./HotelForm";
import { Labels } from "./Labels";

/** The settings of the hotel, and its labels. Both are part of the live state. */
export default function HotelScreen() {
  const t = useT();
  const isLoaded = useStore((state) => state.cursor !== null);
  const isSlow = useDelayed(!isLoaded, 300);
  return (
    <Page title={t("hotel.title")} width="narrow">
      {isLoaded ? (
        <>
          <HotelForm />
          <Labels />
        </>
      ) : (
        isSlow && <GreyTable />
      )}
    </Page>
  );
}
