//! The words by which booking systems name the status of a booking.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use super::StayStatus;

/// Error: the text is no known status of a booking. Displays as a sentence for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("The status is unknown. Please write booked, checked in, checked out, cancelled or no show.")]
pub struct UnknownStayStatus;

/// Per status its spellings in the exports of booking systems: English, German, Spanish, French, Italian, Portuguese,
/// Dutch and Arabic; lower case, without accents, gaps and punctuation.
#[rustfmt::skip]
const SPELLINGS: [(StayStatus, &[&str]); 5] = [
    (
        StayStatus::Booked,
        &[
            "booked", "reserved", "reservation", "confirmed", "definite", "guaranteed", "expected", "arrival",
            "arriving", "duein", "new", "ok", "active", "open", "modified", "tentative", "optional", "pending",
            "gebucht", "reserviert", "bestatigt", "erwartet", "anreise", "neu", "offen", "geandert",
            "reservado", "reservada", "confirmado", "confirmada", "pendiente", "nueva",
            "reserve", "confirme", "confirmee", "reservee", "enattente",
            "prenotato", "prenotata", "confermato", "confermata", "inarrivo",
            "pendente", "geboekt", "gereserveerd", "bevestigd",
            "محجوز", "حجز", "موكد",
        ],
    ),
    (
        StayStatus::CheckedIn,
        &[
            "checkedin", "checkin", "inhouse", "arrived", "occupied", "staying", "present", "resident", "dueout",
            "eingecheckt", "imhaus", "angereist", "anwesend",
            "registrado", "alojado", "encasa", "llegado", "enhotel",
            "arrive", "presente", "installe", "enregistre", "enchambre",
            "arrivato", "incasa", "hospedado", "hospedada", "ingecheckt", "inhuis", "aangekomen",
            "وصل", "مقيم", "تمتسجيلالوصول",
        ],
    ),
    (
        StayStatus::CheckedOut,
        &[
            "checkedout", "checkout", "departed", "left", "completed", "complete", "finished", "closed", "past", "history",
            "ausgecheckt", "abgereist", "abreise", "beendet", "abgeschlossen",
            "salido", "salida", "finalizado", "finalizada", "completado", "completada",
            "parti", "partie", "termine", "terminee",
            "partito", "partita", "uscito", "saiu", "concluido", "concluida",
            "uitgecheckt", "vertrokken", "غادر", "تمتسجيلالمغادرة",
        ],
    ),
    (
        StayStatus::Cancelled,
        &[
            "cancelled", "canceled", "cancel", "cxl", "cnx", "cx", "cancellation", "void", "deleted", "rejected", "declined",
            "storniert", "storno", "abgesagt", "annulliert",
            "cancelado", "cancelada", "anulado", "anulada",
            "annule", "annulee", "annullato", "annullata", "cancellato", "cancellata", "disdetto", "disdetta",
            "geannuleerd", "ملغى", "ملغي", "الغاء",
        ],
    ),
    (
        StayStatus::NoShow,
        &[
            "noshow", "noshows", "ns", "didnotarrive", "notarrived", "dna",
            "nichtangereist", "nichterschienen", "nichtanreise",
            "nopresentado", "nopresentada", "nosepresento", "nollego",
            "nonpresente", "nonpresentee", "nonpresentato", "nonpresentata", "mancatoarrivo",
            "naocompareceu", "nietverschenen", "nietgekomen", "لميحضر",
        ],
    ),
];

impl StayStatus {
    /// Parses a status as booking systems write it, in any case, with or without gaps and punctuation.
    pub fn parse_written(text: &str) -> Result<Self, UnknownStayStatus> {
        let letters = plain_letters(text);
        let is_spelling = |known: &[&str]| known.contains(&letters.as_str());
        SPELLINGS.iter().find(|(_, known)| is_spelling(known)).map(|(status, _)| *status).ok_or(UnknownStayStatus)
    }
}

/// The letters and digits of a text, in lower case and without accents.
fn plain_letters(text: &str) -> String {
    text.nfkd().filter(|it| !is_combining_mark(*it) && it.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_understood_as_booking_systems_write_them() {
        for (written, status) in [
            ("booked", StayStatus::Booked),
            ("Confirmed", StayStatus::Booked),
            ("DUE IN", StayStatus::Booked),
            ("Bestätigt", StayStatus::Booked),
            ("confirmée", StayStatus::Booked),
            ("checked_in", StayStatus::CheckedIn),
            ("Checked-In", StayStatus::CheckedIn),
            ("IN HOUSE", StayStatus::CheckedIn),
            ("Im Haus", StayStatus::CheckedIn),
            ("checked_out", StayStatus::CheckedOut),
            ("Abgereist", StayStatus::CheckedOut),
            ("cancelled", StayStatus::Cancelled),
            ("CANCELED", StayStatus::Cancelled),
            ("CXL", StayStatus::Cancelled),
            ("storniert", StayStatus::Cancelled),
            ("Anulada", StayStatus::Cancelled),
            ("annulé", StayStatus::Cancelled),
            ("ملغى", StayStatus::Cancelled),
            ("no_show", StayStatus::NoShow),
            ("No-Show", StayStatus::NoShow),
            ("nicht angereist", StayStatus::NoShow),
            ("No presentado", StayStatus::NoShow),
        ] {
            assert_eq!(StayStatus::parse_written(written), Ok(status), "{written}");
        }
        for unknown in ["", "waitlist", "?", "-", "cancelled?not"] {
            assert_eq!(StayStatus::parse_written(unknown), Err(UnknownStayStatus), "{unknown}");
        }
    }

    #[test]
    fn every_name_of_the_api_is_a_spelling_and_no_spelling_is_ambiguous() {
        use strum::VariantArray;
        for status in StayStatus::VARIANTS {
            assert_eq!(StayStatus::parse_written(status.as_str()), Ok(*status));
        }
        let mut all: Vec<&str> = SPELLINGS.iter().flat_map(|(_, known)| *known).copied().collect();
        assert!(all.iter().all(|it| plain_letters(it) == *it));
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
