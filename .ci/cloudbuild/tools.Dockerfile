# What the pipeline's steps run in. Not deployed.

ARG CLOUD_SDK_VERSION=528.0.0
ARG RUST_VERSION=1.95.0
ARG TERRAFORM_VERSION=1.11.4

FROM hashicorp/terraform:${TERRAFORM_VERSION} AS terraform

# ---- Checks that need no Google software.
FROM rust:${RUST_VERSION}-bookworm AS verify
RUN rustup component add clippy rustfmt \
  && apt-get update \
  && apt-get install --yes --no-install-recommends python3-venv \
  && rm -rf /var/lib/apt/lists/*
COPY --from=terraform /bin/terraform /usr/local/bin/terraform

# ---- Google's emulators with the same compiler; gcloud and Terraform for deploying.
FROM gcr.io/google.com/cloudsdktool/google-cloud-cli:${CLOUD_SDK_VERSION}-emulators AS deliver
ENV CARGO_HOME=/usr/local/cargo RUSTUP_HOME=/usr/local/rustup
ENV PATH=/usr/local/cargo/bin:$PATH
RUN apt-get update \
  && apt-get install --yes --no-install-recommends ca-certificates gcc libc6-dev python3 \
  && rm -rf /var/lib/apt/lists/*
COPY --from=verify /usr/local/rustup /usr/local/rustup
COPY --from=verify /usr/local/cargo /usr/local/cargo
COPY --from=terraform /bin/terraform /usr/local/bin/terraform
