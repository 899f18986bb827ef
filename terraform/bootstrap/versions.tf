terraform {
  required_version = ">= 1.9"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "6.50.0" # exactly: another build must not get another provider
    }
  }

  # The same bucket as the system's own state, another prefix:
  #   terraform init -backend-config=bucket=PROJECT_ID-terraform -backend-config=prefix=bootstrap
  backend "gcs" {}
}

provider "google" {
  project = var.project_id
  region  = var.region
}
