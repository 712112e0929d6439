//! Whether objects could be read: what `tributary check` asks.

use std::sync::Arc;

use tributary_core::Checkpoint;

use crate::choose::{Chosen, Input, Known};
use crate::client::Bucket;
use crate::download::{Download, Refusal};
use crate::list::Listing;
use crate::{Error, Options};

/// Pages that are listed in search of an object.
const PAGES: u32 = 10;

pub(crate) async fn probe(options: Options) -> Result<String, Error> {
    let bucket = Arc::new(Bucket::connect(options).await?);
    let options = &bucket.options;
    let refused =
        |verb, trouble| Error::Refused { name: options.name.clone(), verb, location: options.location(), trouble };
    match find(&bucket).await.map_err(|trouble| refused("listing", trouble))? {
        Found::Input(input) => {
            let key = input.object.key.clone();
            match Download::new(Arc::clone(&bucket), input.object, 0).gather(1).await {
                Ok(_) => Ok(format!("listed, and read the beginning of {key}")),
                Err(Refusal::Left(reason)) => {
                    Err(refused("reading", tributary_aws::Trouble::Denied(format!("{key}: {reason}"))))
                }
                Err(Refusal::Damaged) => {
                    Err(refused("reading", tributary_aws::Trouble::Failed(format!("{key} came damaged"))))
                }
                Err(Refusal::Broken(trouble)) => Err(refused("reading", trouble)),
            }
        }
        Found::Left(reason) => Err(refused("reading", tributary_aws::Trouble::Denied(reason))),
        Found::Done => Ok("listed; what is there holds nothing, or is read by other workers".to_owned()),
        Found::Nothing if options.optional || options.poll.is_some() => Ok("listed; there is no object yet".to_owned()),
        Found::Nothing => Err(Error::NoMatch { name: options.name.clone(), location: options.location() }),
        Found::NotYet => Ok(format!("listed; none of the first {} objects is one that is read", PAGES * 1_000)),
    }
}

enum Found {
    Input(Box<Input>),
    /// All was listed, and can only be named; the first, and why.
    Left(String),
    /// All was listed, and need not be read.
    Done,
    /// All was listed, and nothing is meant.
    Nothing,
    /// Much was listed.
    NotYet,
}

async fn find(bucket: &Bucket) -> Result<Found, tributary_aws::Trouble> {
    let known = Known::new(&bucket.options.name, &Checkpoint::default());
    let mut listing = Listing::default();
    let mut otherwise = Found::Nothing;
    for _ in 0..PAGES {
        let (next, objects) = listing.page(bucket).await?;
        for object in objects.into_iter().flatten() {
            let key = object.key.clone();
            match known.choose(&bucket.options, object) {
                Chosen::Read(input) => return Ok(Found::Input(input)),
                Chosen::Left(reason) if !matches!(otherwise, Found::Left(_)) => {
                    otherwise = Found::Left(format!("{key}: {reason}"));
                }
                Chosen::Done if matches!(otherwise, Found::Nothing) => otherwise = Found::Done,
                Chosen::Left(_) | Chosen::Done | Chosen::Passed | Chosen::Lake => {}
            }
        }
        if next.is_over() {
            return Ok(otherwise);
        }
        listing = next;
    }
    Ok(Found::NotYet)
}
