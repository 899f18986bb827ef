variable "apply_environment" {
  description = "The file in environments/, without .tfvars, that the pipeline of this project applies."
  type        = string
  default     = "prod"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,14}$", var.apply_environment))
    error_message = "apply_environment must be the name of a file in environments/ without .tfvars, such as dev or prod."
  }
}

variable "audit_writers" {
  description = "Who adds the bank's daily roots to a bucket that is locked for seven years, as IAM members; no bucket where there are none. The lock can't be undone."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for member in var.audit_writers : can(regex("^(group|serviceAccount|user):[^@]+@[^@]+$", member))])
    error_message = "audit_writers must be members such as serviceAccount:ledger@a-project.iam.gserviceaccount.com."
  }
}

variable "custom_role_suffix" {
  description = "What the ids of the custom roles end with. Google keeps the id of a role that was deleted for 37 days; another end makes new ones at once."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_.]{0,20}$", var.custom_role_suffix))
    error_message = "custom_role_suffix must be at most 20 letters, digits, underscores and dots."
  }
}

variable "github_repository" {
  description = "The GitHub repository whose main branch is deployed, as owner/name; null for no trigger. It must be connected to Cloud Build before (Google's GitHub app; that takes a person)."
  type        = string
  default     = null

  validation {
    condition     = var.github_repository == null || can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.github_repository))
    error_message = "github_repository must be owner/name, without https://github.com/ before it."
  }
}

variable "labels" {
  description = "Further labels of everything that can carry labels."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "project_id" {
  description = "The project's id."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id must be a project's id: 6 to 30 lower-case letters, digits and hyphens, not its display name and not its number."
  }
}

variable "region" {
  description = "Where images and build artifacts are kept: the services' region."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^(africa|asia|australia|europe|me|northamerica|southamerica|us)-(central|east|north|northeast|northwest|south|southeast|southwest|west)[1-9][0-9]?$", var.region))
    error_message = "region must be a Google Cloud region such as us-central1 or europe-west1; a zone (us-central1-a) or a multi-region (eu) is none."
  }
}

variable "repository_region" {
  description = "Where the repository is connected to Cloud Build, which is where the trigger must be: a region, or global; null for `region`."
  type        = string
  default     = null

  validation {
    condition     = var.repository_region == null || can(regex("^([a-z]+-[a-z]+[1-9][0-9]?|global)$", var.repository_region))
    error_message = "repository_region must be a region such as europe-west1, or global."
  }
}

variable "secrets" {
  description = "Ids of further secrets than those that the table of services names, such as those of `overrides`. Their values are added by a person and never pass through Terraform: they would lie in its state."
  type        = set(string)
  default     = []
  nullable    = false
}
