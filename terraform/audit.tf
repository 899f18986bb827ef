# Where the ticker copies the bank's daily roots to. The bucket is the bootstrap's, which also gives the
# ticker the right to add to it (`audit_writers`): the pipeline that applies this has none on it.

variable "audit_bucket" {
  description = "The bucket that the bank's daily roots are copied to: the bootstrap's, where `audit_writers` names the ticker's account; null for no copies."
  type        = string
  default     = null

  validation {
    condition     = var.audit_bucket == null ? true : can(regex("^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$", var.audit_bucket))
    error_message = "audit_bucket must be a bucket's name such as my-project-audit, without gs:// before it."
  }
}

locals {
  audit_env = var.audit_bucket == null ? {} : { AUDIT_COPIES = "gs://${var.audit_bucket}" }
}
