use std::sync::Arc;

use proptest::prelude::*;

use super::*;

fn read(spool: &Spool, extent: Extent) -> Vec<u8> {
    let mut bytes = vec![0; extent.length as usize];
    spool.read(extent, 0, &mut bytes).unwrap();
    bytes
}

#[test]
fn nothing_is_left_in_the_folder() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(".tributary-spool-1-0"), b"left by a killed process").unwrap();
    let spool = Spool::create(dir.path(), 100).unwrap();
    spool.append(b"abc").unwrap();
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_missing_folder_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let error = Spool::create(&dir.path().join("none"), 100).unwrap_err();
    assert!(error.to_string().contains("none"), "{error}");
    assert_eq!(error.code(), "spool/folder");
}

#[test]
fn the_limit_is_kept_and_space_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::create(dir.path(), 10).unwrap();
    let first = spool.append(&[1; 6]).unwrap();
    assert!(matches!(spool.append(&[2; 5]), Err(ScratchError::Full { limit: 10 })));
    let second = spool.append(&[2; 4]).unwrap();
    spool.release(first);
    let third = spool.append(&[3; 5]).unwrap();
    assert_eq!((read(&spool, second), read(&spool, third)), (vec![2; 4], vec![3; 5]));
    spool.release(second);
    spool.release(third);
    assert_eq!(spool.length().unwrap(), 0, "nothing is live, so the file is empty");
}

#[test]
fn part_of_an_extent() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::create(dir.path(), 100).unwrap();
    let extent = spool.append(b"0123456789").unwrap();
    let mut part = [0; 3];
    spool.read(extent, 4, &mut part).unwrap();
    assert_eq!(&part, b"456");
    assert!(spool.read(extent, 8, &mut part).is_err());
}

#[test]
fn threads_do_not_disturb_one_another() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Arc::new(Spool::create(dir.path(), 1 << 20).unwrap());
    let threads: Vec<_> = (0_u8..4)
        .map(|number| {
            let spool = Arc::clone(&spool);
            std::thread::spawn(move || {
                for round in 0_usize..200 {
                    let extent = spool.append(&vec![number; 1 + round * 7 % 501]).unwrap();
                    assert!(read(&spool, extent).iter().all(|byte| *byte == number));
                    spool.release(extent);
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(spool.length().unwrap(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever is appended and released: live extents keep their bytes, and the file never exceeds its limit.
    #[test]
    fn agrees_with_a_model(steps in proptest::collection::vec((any::<u8>(), 0_usize..300, any::<bool>()), 1..80)) {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::create(dir.path(), 2_000).unwrap();
        let mut model: Vec<(Extent, Vec<u8>)> = Vec::new();
        for (byte, length, remove) in steps {
            if remove && !model.is_empty() {
                let (extent, _) = model.swap_remove(usize::from(byte) % model.len());
                spool.release(extent);
            } else {
                let live: usize = model.iter().map(|(_, bytes)| bytes.len()).sum();
                match spool.append(&vec![byte; length]) {
                    Ok(extent) => model.push((extent, vec![byte; length])),
                    // Holes may be too small, but a spool with nothing in it takes anything.
                    Err(error) => prop_assert!(live > 0, "{error}"),
                }
            }
            for (extent, bytes) in &model {
                prop_assert_eq!(&read(&spool, *extent), bytes);
            }
            prop_assert!(spool.length().unwrap() <= 2_000);
            if model.iter().all(|(_, bytes)| bytes.is_empty()) {
                prop_assert_eq!(spool.length().unwrap(), 0);
            }
        }
    }
}
