//! The write key: which writer runs a job.

use std::fmt;

use domain::HotelId;

/// Selects the writer of a job. Jobs with the same key run in the order of their submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WriteKey {
    /// The job writes data of one hotel.
    Hotel(HotelId),
    /// The job writes data of no single hotel, such as sign-ins, nodes and dead letters.
    Global,
}

impl WriteKey {
    pub(crate) fn hotel(self) -> Option<HotelId> {
        match self {
            Self::Hotel(hotel) => Some(hotel),
            Self::Global => None,
        }
    }
}

impl fmt::Display for WriteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hotel(hotel) => write!(f, "hotel {hotel}"),
            Self::Global => f.write_str("no single hotel"),
        }
    }
}

impl From<HotelId> for WriteKey {
    fn from(hotel: HotelId) -> Self {
        Self::Hotel(hotel)
    }
}
