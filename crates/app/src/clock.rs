//! Clock of the process. With the Cargo feature `test-clock`, tests can move it forward.

use std::sync::Arc;

use desk::{Clock, SystemClock};

use crate::settings::Settings;

#[cfg(not(feature = "test-clock"))]
pub fn clock(_: &Settings) -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

#[cfg(feature = "test-clock")]
pub fn clock(settings: &Settings) -> Arc<dyn Clock> {
    match &settings.test_clock_file {
        Some(file) => Arc::new(test_clock::OffsetClock { file: file.clone() }),
        None => Arc::new(SystemClock),
    }
}

#[cfg(feature = "test-clock")]
mod test_clock {
    use std::path::PathBuf;

    use chrono::{DateTime, TimeDelta, Utc};
    use desk::Clock;

    /// The system clock plus the number of seconds in a file, which is read at every call.
    pub struct OffsetClock {
        pub file: PathBuf,
    }

    impl Clock for OffsetClock {
        fn now(&self) -> DateTime<Utc> {
            let seconds = std::fs::read_to_string(&self.file).ok().and_then(|text| text.trim().parse().ok());
            Utc::now() + TimeDelta::try_seconds(seconds.unwrap_or(0)).unwrap_or_default()
        }
    }

    #[test]
    fn the_clock_adds_the_seconds_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let clock = OffsetClock { file: folder.path().join("clock") };
        assert!((clock.now() - Utc::now()).num_seconds().abs() < 5);
        std::fs::write(&clock.file, "3600\n").unwrap();
        assert!((clock.now() - Utc::now()).num_seconds() > 3590);
    }
}
