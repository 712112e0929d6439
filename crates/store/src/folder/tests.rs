use tempfile::TempDir;

use super::*;

fn key(text: &str) -> Key {
    text.parse().unwrap()
}

fn names(root: &Path) -> Vec<String> {
    disk::children(root).unwrap().into_iter().map(|(name, _)| name).collect()
}

#[tokio::test]
async fn passes_the_conformance_suite() {
    let lakes = TempDir::new().unwrap();
    let number = AtomicU64::new(0);
    crate::conformance::run(|| {
        let root = lakes.path().join(format!("{}/deep/lake", number.fetch_add(1, Ordering::Relaxed)));
        Arc::new(FolderStore::open(&root).unwrap())
    })
    .await;
}

#[tokio::test]
async fn nothing_is_left_behind() {
    let lake = TempDir::new().unwrap();
    let store = FolderStore::open(lake.path()).unwrap();
    let attempt = Attempt::from_bits(1);
    let mut upload = store.begin(&attempt, &key("t/day=2025-07-01/a.parquet")).await.unwrap();
    upload.write(Bytes::from_static(b"x")).await.unwrap();
    let ticket = upload.seal().await.unwrap();
    store.complete(&key("t/day=2025-07-01/a.parquet"), &ticket).await.unwrap();
    for _ in 0..3 {
        store.create(&key("t/b"), Bytes::from_static(b"x")).await.unwrap();
    }
    assert_eq!(names(&lake.path().join("_tributary/uploads")), Vec::<String>::new());
    assert_eq!(names(&lake.path().join("_tributary/.tmp")), Vec::<String>::new());
}

/// What an engine lists at the lake's root is tables, and names that begin with `_`.
#[tokio::test]
async fn uploads_wait_where_no_engine_looks() {
    let lake = TempDir::new().unwrap();
    let store = FolderStore::open(lake.path()).unwrap();
    let upload = store.begin(&Attempt::from_bits(1), &key("t/day=2025-07-01/a.parquet")).await.unwrap();
    assert_eq!(names(lake.path()), ["_tributary"]);
    upload.abort().await.unwrap();
}

#[tokio::test]
async fn a_folder_that_was_tidied_away_is_made_again() {
    let lake = TempDir::new().unwrap();
    let store = FolderStore::open(lake.path()).unwrap();
    store.create(&key("t/day=2025-07-01/a"), Bytes::new()).await.unwrap();
    fs::remove_dir_all(lake.path().join("t")).unwrap();
    store.create(&key("t/day=2025-07-01/a"), Bytes::new()).await.unwrap();
    assert!(lake.path().join("t/day=2025-07-01/a").is_file());
}

#[tokio::test]
async fn a_pipeline_may_be_called_uploads() {
    let lake = TempDir::new().unwrap();
    let store = FolderStore::open(lake.path()).unwrap();
    let record = key("_tributary/uploads/commits/00000000000000000000.json");
    store.create(&record, Bytes::from_static(b"{}")).await.unwrap();
    let upload = store.begin(&Attempt::from_bits(1), &key("t/a")).await.unwrap();
    assert_eq!(store.list(&key("_tributary"), None).await.unwrap(), [record]);
    assert_eq!(store.uploads().await.unwrap().len(), 1);
    upload.abort().await.unwrap();
}

#[tokio::test]
async fn a_staged_file_that_was_cut_is_not_published() {
    let lake = TempDir::new().unwrap();
    let store = FolderStore::open(lake.path()).unwrap();
    let attempt = Attempt::from_bits(1);
    let mut upload = store.begin(&attempt, &key("t")).await.unwrap();
    upload.write(Bytes::from_static(b"12345")).await.unwrap();
    let ticket = upload.seal().await.unwrap();
    let staged = lake.path().join("_tributary/uploads").join(attempt.as_str()).join("t");
    File::options().write(true).open(staged).unwrap().set_len(3).unwrap();
    let refused = store.complete(&key("t"), &ticket).await;
    assert!(matches!(refused, Err(StoreError::Different { found: 3, expected: 5, .. })), "{refused:?}");
    assert_eq!(store.read(&key("t")).await.unwrap(), None);
}

#[tokio::test]
async fn an_upload_says_when_it_was_last_written() {
    let lake = TempDir::new().unwrap();
    let store = FolderStore::open(lake.path()).unwrap();
    let upload = store.begin(&Attempt::from_bits(1), &key("t")).await.unwrap();
    let since = store.uploads().await.unwrap()[0].since;
    let path = lake.path().join("_tributary/uploads").join(Attempt::from_bits(1).as_str()).join("t");
    let modified = fs::metadata(path).unwrap().modified().unwrap();
    let expected = modified.duration_since(std::time::UNIX_EPOCH).unwrap().as_micros();
    assert_eq!(i128::from(since.micros()), i128::try_from(expected).unwrap());
    upload.abort().await.unwrap();
}

#[test]
fn a_file_is_no_lake() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, b"x").unwrap();
    assert!(matches!(FolderStore::open(&path), Err(StoreError::Unusable { .. })));
}
