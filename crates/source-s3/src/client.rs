//! The bucket that is read.

use aws_sdk_s3::Client;
use aws_sdk_s3::types::RequestPayer;

use crate::{Error, Options};

/// A bucket and what is read of it.
#[derive(Debug)]
pub(crate) struct Bucket {
    pub(crate) client: Client,
    pub(crate) options: Options,
}

impl Bucket {
    /// Configures the connection; nothing is sent yet but what finds credentials and region.
    pub(crate) async fn connect(options: Options) -> Result<Self, Error> {
        let shared = tributary_aws::connect(&options.connection).await;
        let shared = shared.map_err(|cause| Error::Connection { name: options.name.clone(), cause })?;
        let mut options = options;
        options.connection.endpoint =
            options.connection.endpoint.or_else(|| tributary_aws::configured_endpoint(&shared, "S3"));
        let mut config = aws_sdk_s3::config::Builder::from(&shared).force_path_style(options.path_style);
        if let Some(endpoint) = &options.connection.endpoint {
            config = config.endpoint_url(endpoint);
        }
        Ok(Self { client: Client::from_conf(config.build()), options })
    }

    /// Who pays, where it is not the owner.
    pub(crate) fn payer(&self) -> Option<RequestPayer> {
        self.options.requester_pays.then_some(RequestPayer::Requester)
    }
}
