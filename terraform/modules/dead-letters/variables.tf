variable "labels" {
  description = "Labels of topic and subscription."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "name" {
  description = "The name of both."
  type        = string
  nullable    = false
}

variable "parks_as" {
  description = "Who parks messages: the consumer's service account, as a member."
  type        = string
  nullable    = false
}

variable "project_id" {
  description = "The project's id."
  type        = string
  nullable    = false
}

variable "project_number" {
  description = "The project's number: part of the name of Pub/Sub's own service agent."
  type        = string
  nullable    = false
}

variable "readers" {
  description = "Who may read and ack dead letters, and nobody else: members such as group:operators@example.com."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "region" {
  description = "The one region in which messages are stored: events carry personal data."
  type        = string
  nullable    = false
}

variable "retention_days" {
  description = "For how many days dead letters are kept."
  type        = number
  nullable    = false

  validation {
    condition     = var.retention_days >= 1 && var.retention_days <= 31
    error_message = "retention_days must be from 1 to 31: Pub/Sub keeps messages no longer."
  }
}
