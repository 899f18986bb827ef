terraform {
  # 1.9: a variable's validation may look at other variables (images against services and consumers).
  required_version = ">= 1.9"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "6.50.0" # exactly: another build must not get another provider
    }
  }

  # The bucket is named at `terraform init`, so that one configuration serves every environment:
  #   terraform init -backend-config=bucket=PROJECT_ID-terraform -backend-config=prefix=fanout
  backend "gcs" {}
}

provider "google" {
  project = var.project_id
  region  = var.region
}
