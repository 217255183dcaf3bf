//! What tests of the native platform share.

use std::fs;
use std::path::Path;

use kith::platform::native::Sqlite;

/// Kith's tables, empty.
pub(crate) fn migrated() -> Sqlite {
    let database = Sqlite::in_memory().unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let files = fs::read_dir(folder).unwrap();
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let sql = fs::read_to_string(path).unwrap();
        database.migrate(&sql).unwrap();
    }
    database
}
