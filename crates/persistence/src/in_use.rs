//! Who uses the SQLite file: servers and commands side by side, or one command alone that puts another
//! file in its place. A lock of SQLite's own would go with the file that is replaced.

use std::{
    fs::{File, OpenOptions, TryLockError, create_dir_all},
    io,
    path::{Path, PathBuf},
};

/// Held for as long as the database is used. The system gives it back, however the process ends.
pub(crate) struct InUse {
    _lock: File,
}

impl InUse {
    /// Beside others that use it; none where somebody has it alone. Makes the folder, where there is none.
    pub(crate) fn shared(database: &Path) -> io::Result<Option<Self>> {
        let lock = open(database)?;
        let got = lock.try_lock_shared();
        held(got, lock)
    }

    /// Alone; none where anybody uses it.
    pub(crate) fn alone(database: &Path) -> io::Result<Option<Self>> {
        let lock = open(database)?;
        let got = lock.try_lock();
        held(got, lock)
    }
}

fn held(got: Result<(), TryLockError>, lock: File) -> io::Result<Option<InUse>> {
    match got {
        Ok(()) => Ok(Some(InUse { _lock: lock })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// The file that is locked. It is never removed: whoever waits for it must not wait for another one.
fn open(database: &Path) -> io::Result<File> {
    if let Some(folder) = database.parent() {
        create_dir_all(folder)?;
    }
    let path = with_end(database, ".lock");
    match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            OpenOptions::new().create(true).truncate(false).write(true).open(path)
        }
        opened => opened,
    }
}

/// A path with something at its end.
pub(crate) fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut longer = path.as_os_str().to_owned();
    longer.push(end);
    longer.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_use_it_or_one_alone() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("data/mm.db");
        let shared = [(); 2].map(|()| InUse::shared(&database).unwrap().unwrap());
        assert!(InUse::alone(&database).unwrap().is_none());
        drop(shared);
        let alone = InUse::alone(&database).unwrap().unwrap();
        assert!(InUse::shared(&database).unwrap().is_none() && InUse::alone(&database).unwrap().is_none());
        drop(alone);
        assert!(InUse::shared(&database).unwrap().is_some());
    }
}
