//! The played guests of a demo: guests of the demo hotel write now and then, in their languages, while they are switched
//! on. They answer nobody: a person who tries the product shall see how messages arrive.

use std::{ops::RangeInclusive, time::Duration};

use domain::{MessageText, PhoneNumber};
use rand::RngExt;
use tokio::{sync::watch, time::timeout};

use super::demo::demo_phone;
use crate::{Desk, Error, inbound::receive_message::GuestMessage};

/// Time from switching on to the first message, so that a person sees the effect.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// Time between two messages of played guests, in milliseconds.
const PAUSE_MS: RangeInclusive<u64> = 15_000..=45_000;

/// Texts of a guest of the demo hotel, by the number in the guest's telephone number. A guest begins anew after the last
/// one.
struct Script {
    guest: u32,
    texts: &'static [&'static str],
}

#[rustfmt::skip]
const SCRIPTS: [Script; 7] = [
    Script { guest: 2, texts: &[
        "Guten Abend, unser Fernseher findet keine Sender. Könnten Sie bitte jemanden schicken?",
        "Bis wann gibt es morgen Frühstück?",
        "Können wir noch eine zweite Zimmerkarte bekommen?",
        "Vielen Dank, das hat wunderbar geklappt!",
    ] },
    Script { guest: 3, texts: &[
        "Buongiorno! Possiamo spostare la cena alle nove?",
        "Siamo in cinque invece di quattro, è un problema?",
        "C'è una farmacia vicino all'hotel?",
        "Grazie mille, siete gentilissimi!",
    ] },
    Script { guest: 1, texts: &[
        "Could you please book us a taxi to the station for half past three?",
        "One more question: can we leave our bags at the reception until then?",
        "Is there an iron in the room?",
        "Perfect, thank you so much.",
    ] },
    Script { guest: 4, texts: &[
        "The noise is back, and the room is quite warm now.",
        "We are out until six, somebody can come in meanwhile.",
        "The light in the bathroom flickers as well.",
        "All good now. Thanks for being so quick!",
    ] },
    Script { guest: 5, texts: &[
        "Добрый день! Можно заказать поздний завтрак в номер?",
        "У нас закончилась вода, принесите, пожалуйста, две бутылки.",
        "Во сколько завтра уборка?",
        "Спасибо большое!",
    ] },
    Script { guest: 6, texts: &[
        "مساء الخير، هل يمكننا الحصول على سرير إضافي للطفل؟",
        "في أي ساعة يفتح المسبح غدًا؟",
        "نحتاج إلى مناشف نظيفة من فضلكم.",
        "شكرًا جزيلًا لكم!",
    ] },
    Script { guest: 7, texts: &[
        "Hello again! Is there a shuttle from the airport at night?",
        "Our flight is KE905, in case it is late.",
        "Could we have a room on a high floor, away from the lift?",
        "Wonderful, see you soon!",
    ] },
];

/// The switch of the played guests. Clones share it; it is off at first.
#[derive(Clone, Debug)]
pub struct PlayedGuests(watch::Sender<bool>);

impl Default for PlayedGuests {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl PlayedGuests {
    pub fn are_playing(&self) -> bool {
        *self.0.borrow()
    }

    pub fn set_playing(&self, playing: bool) {
        self.0.send_replace(playing);
    }

    /// Waits until the switch has this position.
    async fn wait_for(&self, playing: bool) {
        // `self` holds the sender, so the channel stays open.
        let _ = self.0.subscribe().wait_for(|it| *it == playing).await;
    }
}

impl Desk {
    /// Lets the played guests write while they are switched on, for ever.
    pub async fn play_guests(self, guests: PlayedGuests) {
        let mut turn = 0;
        loop {
            guests.wait_for(true).await;
            let mut pause = FIRST_PAUSE;
            // The wait ends early if the guests are switched off.
            while timeout(pause, guests.wait_for(false)).await.is_err() {
                if let Err(error) = self.play_turn(turn).await {
                    log::warn!("a played guest could not write; the next one writes later: {error}");
                }
                turn += 1;
                pause = Duration::from_millis(rand::rng().random_range(PAUSE_MS));
            }
        }
    }

    async fn play_turn(&self, turn: usize) -> Result<(), Error> {
        let (phone, text) = message_of(turn)?;
        self.receive_demo_message(GuestMessage::from_demo(phone, None, text), None).await.map(drop)
    }
}

/// The message of a turn: one guest after another, each with the next text of the script.
fn message_of(turn: usize) -> Result<(PhoneNumber, MessageText), Error> {
    let script = &SCRIPTS[turn % SCRIPTS.len()];
    let text = script.texts[turn / SCRIPTS.len() % script.texts.len()];
    Ok((demo_phone(script.guest)?, MessageText::parse(text).map_err(|error| ("text", error))?))
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    #[test]
    fn guests_take_turns_and_never_repeat_themselves_at_once() {
        let turns: Vec<_> = (0..SCRIPTS.len() * 8).map(|turn| message_of(turn).unwrap()).collect();
        assert!(turns.windows(2).all(|two| two[0].0 != two[1].0));
        let of_one: Vec<_> = turns.iter().filter(|it| it.0 == turns[0].0).map(|it| it.1.as_str()).collect();
        assert!(of_one.windows(2).all(|two| two[0] != two[1]), "{of_one:?}");
        assert_eq!(of_one[0], of_one[SCRIPTS[0].texts.len()]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_switch_wakes_and_stops() {
        let guests = PlayedGuests::default();
        assert!(!guests.are_playing());
        guests.wait_for(false).await;
        assert!(timeout(FIRST_PAUSE, guests.wait_for(true)).await.is_err());
        let other = guests.clone();
        let switch = tokio::spawn(async move {
            sleep(FIRST_PAUSE).await;
            other.set_playing(true);
        });
        guests.wait_for(true).await;
        assert!(guests.are_playing());
        switch.await.unwrap();
    }
}
