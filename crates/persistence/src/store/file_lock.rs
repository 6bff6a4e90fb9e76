//! A lock on a file beside the SQLite database: shared by servers and commands, exclusive for `restore`. SQLite's own
//! locks would vanish with the replaced file.

use std::{
    fs::{File, TryLockError, create_dir_all},
    io,
    path::Path,
};

use crate::store::private_files::{create_private, share_lock_file, with_suffix};

/// A held lock on the lock file of an SQLite database. The operating system releases it on drop and at the end of the
/// process.
pub(crate) struct FileLock {
    _lock: File,
}

impl FileLock {
    /// Acquires the lock together with other users. Returns `None` if another process has it exclusively. Creates the
    /// folder of the database if necessary.
    pub(crate) fn shared(database: &Path) -> io::Result<Option<Self>> {
        let lock = open(database)?;
        let result = lock.try_lock_shared();
        lock_result(result, lock)
    }

    /// Acquires the lock exclusively. Returns `None` if another process uses the database.
    pub(crate) fn exclusive(database: &Path) -> io::Result<Option<Self>> {
        let lock = open(database)?;
        let result = lock.try_lock();
        lock_result(result, lock)
    }
}

fn lock_result(result: Result<(), TryLockError>, lock: File) -> io::Result<Option<FileLock>> {
    match result {
        Ok(()) => Ok(Some(FileLock { _lock: lock })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Opens the lock file. It is never deleted, so that all processes lock the same file.
fn open(database: &Path) -> io::Result<File> {
    if let Some(folder) = database.parent() {
        create_dir_all(folder)?;
    }
    let path = with_suffix(database, ".lock");
    let lock = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => create_private(&path)?,
        opened => opened?,
    };
    share_lock_file(&path, database);
    Ok(lock)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_locks_exclude_an_exclusive_lock() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("data/mm.db");
        let shared = [(); 2].map(|()| FileLock::shared(&database).unwrap().unwrap());
        assert!(FileLock::exclusive(&database).unwrap().is_none());
        drop(shared);
        let alone = FileLock::exclusive(&database).unwrap().unwrap();
        assert!(FileLock::shared(&database).unwrap().is_none() && FileLock::exclusive(&database).unwrap().is_none());
        drop(alone);
        assert!(FileLock::shared(&database).unwrap().is_some());
    }
}
