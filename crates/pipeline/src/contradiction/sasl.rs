//! What contradicts itself about signing in to Kafka.

use tributary_tokens::{is_region, refuse_url};

use super::keys::Keys;

/// What a mechanism that takes a password takes.
const PASSWORD: &[&str] = &["username", "password_env", "password_file"];

/// What `oauthbearer` takes, and what of it belongs to `token_url`.
const TOKEN: &[&str] = &["token_file", "token_url"];
const PROVIDER: &[&str] = &["token_client", "token_secret_env", "token_secret_file", "token_scope"];

/// What `aws-msk-iam` takes.
const AWS: &[&str] = &["region", "profile", "role", "external_id"];

pub(super) fn sasl(keys: &mut Keys<'_>) {
    match keys.text("sasl").map(str::to_owned).as_deref() {
        Some("plain" | "scram-sha-256" | "scram-sha-512") => with_password(keys),
        Some("oauthbearer") => with_token(keys),
        Some("aws-msk-iam") => with_credentials(keys),
        // No mechanism: told of already.
        Some(_) => {}
        None if keys.has("sasl") => {}
        None => {
            refuse(keys, PASSWORD, "it belongs to sasl", "add sasl = \"scram-sha-512\", or remove it");
            refuse(keys, TOKEN, "it belongs to sasl", "add sasl = \"oauthbearer\", or remove it");
            refuse(keys, PROVIDER, "it belongs to sasl", "add sasl = \"oauthbearer\", or remove it");
            refuse(keys, AWS, "it belongs to sasl", "add sasl = \"aws-msk-iam\", or remove it");
        }
    }
}

fn refuse(keys: &mut Keys<'_>, which: &[&str], message: &str, help: &str) {
    for key in which {
        keys.refuse(key, message, help);
    }
}

fn no_password(keys: &mut Keys<'_>) {
    refuse(keys, PASSWORD, "this sasl takes no password", "remove it, or write sasl = \"scram-sha-512\"");
}

fn no_token(keys: &mut Keys<'_>) {
    for which in [TOKEN, PROVIDER] {
        refuse(keys, which, "this sasl takes no such token", "remove it, or write sasl = \"oauthbearer\"");
    }
}

fn no_credentials(keys: &mut Keys<'_>) {
    refuse(keys, AWS, "this sasl has nothing to do with AWS", "remove it, or write sasl = \"aws-msk-iam\"");
}

fn with_password(keys: &mut Keys<'_>) {
    if !keys.has("username") {
        keys.refuse("sasl", "nothing says who we are", "add username");
    }
    if keys.has("password_env") == keys.has("password_file") {
        keys.refuse(
            "sasl",
            "the password comes from one place",
            "add password_env = \"KAFKA_PASSWORD\", or password_file",
        );
    }
    no_token(keys);
    no_credentials(keys);
}

fn with_token(keys: &mut Keys<'_>) {
    if keys.has("token_file") == keys.has("token_url") {
        keys.refuse("sasl", "the token comes from one place", "add token_file = \"/run/secrets/token\", or token_url");
    }
    if keys.has("token_url") {
        provider(keys);
    } else {
        refuse(keys, PROVIDER, "it belongs to token_url", "add token_url, or remove it");
    }
    no_password(keys);
    no_credentials(keys);
}

fn provider(keys: &mut Keys<'_>) {
    if let Some((message, help)) = keys.text("token_url").and_then(refuse_url) {
        keys.refuse("token_url", message, help);
    }
    if !keys.has("token_client") {
        keys.refuse("token_url", "nothing says who asks for a token", "add token_client");
    }
    if keys.has("token_secret_env") == keys.has("token_secret_file") {
        let help = "add token_secret_env = \"KAFKA_TOKEN_SECRET\", or token_secret_file";
        keys.refuse("token_url", "the client's secret comes from one place", help);
    }
}

fn with_credentials(keys: &mut Keys<'_>) {
    if !keys.is_true("tls") {
        keys.refuse("sasl", "Amazon MSK takes IAM by TLS alone", "add tls = true");
    }
    if keys.text("region").is_some_and(|region| !is_region(region)) {
        let message = "a region has small letters, digits and '-'";
        keys.refuse("region", message, "write for example region = \"eu-central-1\"");
    }
    if !keys.has("role") {
        keys.refuse("external_id", "an external id belongs to a role", "add role, or remove it");
    }
    no_password(keys);
    no_token(keys);
}
