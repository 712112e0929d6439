//! What is said of `[privacy]`.

use tributary_connect::Treatment;

use super::{plan, problems};

const HEAD: &str = "version = 1\nname = \"agents\"\nmode = \"batch\"\n[sources.a.file]\npaths = [\"in\"]\n\
                    [lake]\nlocation = \"lake\"\n[privacy]\n";

#[test]
fn what_is_wrong_about_privacy() {
    for (lines, expected) in [
        ("names = \"hide\"", "9:9 privacy.names: \"hide\" is not known here (one of \"keep\", \"drop\", \"hash\")"),
        (
            "names = \"hash\"",
            "9:1 privacy.names: nothing says where the key of the hash is (add key_env = \"TRIBUTARY_PRIVACY_KEY\" to [privacy])",
        ),
        (
            "names = \"hash\"\nkey_env = \"A\"\nkey_file = \"b\"",
            "11:1 privacy.key_file: the key is said to be in two places (remove one of them)",
        ),
        (
            "names = \"drop\"\nkey_env = \"A\"",
            "10:1 privacy.key_env: nothing is hashed (write \"hash\" for what is to be hashed, or remove it)",
        ),
    ] {
        assert_eq!(problems(&format!("{HEAD}{lines}\n"), &[]), [expected], "{lines}");
    }
}

/// Rows mean something else then; a pipeline that never heard of it stays what it was.
#[test]
fn only_what_is_not_kept_changes_the_meaning_of_rows() {
    let kept = plan(HEAD, &[]);
    assert!(!kept.option_digest_entries().keys().any(|key| key.starts_with("privacy")));
    let hashed = plan(&format!("{HEAD}names = \"hash\"\ncomments = \"drop\"\nkey_env = \"A\"\n"), &[]);
    let privacy = &hashed.privacy.privacy;
    assert_eq!((privacy.names, privacy.comments), (Treatment::Hash, Treatment::Drop));
    let entries = hashed.option_digest_entries();
    let said: Vec<(String, String)> = entries.into_iter().filter(|(key, _)| key.starts_with("privacy")).collect();
    let expected = [("privacy.comments", "drop"), ("privacy.names", "hash")];
    assert_eq!(said, expected.map(|(key, word)| (key.to_owned(), word.to_owned())));
}
