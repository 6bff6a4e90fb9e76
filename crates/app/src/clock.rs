//! The program's clock: the machine's. Built with the feature `test-clock` it can be put forward.

use std::sync::Arc;

use desk::{Clock, SystemClock};

use crate::settings::Settings;

/// The clock to go by.
#[cfg(not(feature = "test-clock"))]
pub fn clock(_: &Settings) -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

/// The clock to go by.
#[cfg(feature = "test-clock")]
pub fn clock(settings: &Settings) -> Arc<dyn Clock> {
    match &settings.test_clock_file {
        Some(file) => Arc::new(test::Ahead { file: file.clone() }),
        None => Arc::new(SystemClock),
    }
}

#[cfg(feature = "test-clock")]
mod test {
    use std::path::PathBuf;

    use chrono::{DateTime, TimeDelta, Utc};
    use desk::Clock;

    /// The machine's clock, as many seconds ahead as a file says now.
    pub struct Ahead {
        pub file: PathBuf,
    }

    impl Clock for Ahead {
        fn now(&self) -> DateTime<Utc> {
            let seconds = std::fs::read_to_string(&self.file).ok().and_then(|text| text.trim().parse().ok());
            Utc::now() + TimeDelta::try_seconds(seconds.unwrap_or(0)).unwrap_or_default()
        }
    }

    #[test]
    fn the_clock_goes_as_the_file_says() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Ahead { file: folder.path().join("clock") };
        assert!((clock.now() - Utc::now()).num_seconds().abs() < 5);
        std::fs::write(&clock.file, "3600\n").unwrap();
        assert!((clock.now() - Utc::now()).num_seconds() > 3590);
    }
}
