//! Files that only their owner may read and write: the SQLite database and the files beside it contain what guests
//! write.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown},
    path::{Path, PathBuf},
};

/// The mode of files that only their owner may read and write.
const PRIVATE: u32 = 0o600;
/// The suffixes of the files that SQLite keeps beside the database.
const COMPANIONS: [&str; 4] = ["", "-wal", "-shm", "-journal"];

/// Creates a file with mode 0600 unless it exists. SQLite gives the files beside the database the mode of the database.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).truncate(false).write(true).mode(PRIVATE).open(path)
}

/// Gives the files of an SQLite database mode 0600. Earlier versions created them with the mode of the process. Does
/// nothing to files of another owner.
pub(crate) fn restrict_database(database: &Path) {
    for path in COMPANIONS.map(|suffix| with_suffix(database, suffix)) {
        restrict(&path);
    }
}

/// Gives the lock file the owner of the database and mode 0600: a command that is run by root must not create one that
/// the server cannot open.
pub(crate) fn share_lock_file(lock: &Path, database: &Path) {
    let (Ok(of_lock), Ok(of_database)) = (fs::metadata(lock), fs::metadata(database)) else { return };
    let has_owner =
        of_lock.uid() == of_database.uid() || chown(lock, Some(of_database.uid()), Some(of_database.gid())).is_ok();
    if has_owner {
        restrict(lock);
    }
}

fn restrict(path: &Path) {
    let Ok(metadata) = fs::metadata(path) else { return };
    if metadata.is_file()
        && metadata.mode() & 0o077 != 0
        && let Err(error) = fs::set_permissions(path, Permissions::from_mode(PRIVATE))
    {
        log::warn!("{}: other users may read this file; its owner should give it mode 0600: {error}", path.display());
    }
}

/// Gives a file the owner, group and mode of another one, which it is about to replace. Does nothing if there is none.
pub(crate) fn copy_owner_and_mode(from: &Path, to: &Path) -> io::Result<()> {
    let wanted = match fs::metadata(from) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    let present = fs::metadata(to)?;
    if (present.uid(), present.gid()) != (wanted.uid(), wanted.gid()) {
        chown(to, Some(wanted.uid()), Some(wanted.gid()))?;
    }
    fs::set_permissions(to, Permissions::from_mode(wanted.mode() & 0o777))
}

/// Appends a suffix to a path.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut longer = path.as_os_str().to_owned();
    longer.push(suffix);
    longer.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn files_of_the_database_are_private() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("mm.db");
        drop(create_private(&database).unwrap());
        assert_eq!(mode(&database), 0o600);
        let journal = with_suffix(&database, "-wal");
        fs::write(&journal, "x").unwrap();
        for path in [&database, &journal] {
            fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
        }
        restrict_database(&database);
        assert_eq!((mode(&database), mode(&journal)), (0o600, 0o600));
    }

    #[test]
    fn a_replacement_keeps_the_mode() {
        let folder = tempfile::tempdir().unwrap();
        let [former, new, missing] = ["former", "new", "missing"].map(|name| folder.path().join(name));
        for path in [&former, &new] {
            fs::write(path, "x").unwrap();
        }
        fs::set_permissions(&former, Permissions::from_mode(0o640)).unwrap();
        copy_owner_and_mode(&missing, &new).unwrap();
        copy_owner_and_mode(&former, &new).unwrap();
        assert_eq!(mode(&new), 0o640);
    }
}
