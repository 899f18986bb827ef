variable "consumers" {
  description = "Who reacts to the topic's events, by consumer name: where and as whom Pub/Sub pushes, and the id of the topic for what keeps failing."
  nullable    = false
  type = map(object({
    dead_letter_topic    = string
    filter               = optional(string)
    push_service_account = string
    service_url          = string
  }))

  validation {
    condition     = alltrue([for consumer in values(var.consumers) : startswith(consumer.service_url, "https://")])
    error_message = "Every consumer's service_url must be an https:// address: Pub/Sub sends an identity token with each push."
  }
}

variable "delivery" {
  description = "How messages are delivered, retried and kept."
  nullable    = false
  type = object({
    ack_deadline_seconds    = number
    max_delivery_attempts   = number
    maximum_backoff_seconds = number
    minimum_backoff_seconds = number
    retention_days          = number
  })

  validation {
    condition     = var.delivery.ack_deadline_seconds >= 10 && var.delivery.ack_deadline_seconds <= 600
    error_message = "delivery.ack_deadline_seconds must be from 10 to 600: Pub/Sub takes nothing else."
  }

  validation {
    condition     = var.delivery.max_delivery_attempts >= 5 && var.delivery.max_delivery_attempts <= 100 && floor(var.delivery.max_delivery_attempts) == var.delivery.max_delivery_attempts
    error_message = "delivery.max_delivery_attempts must be a whole number from 5 to 100: Pub/Sub takes nothing else."
  }

  validation {
    condition     = var.delivery.minimum_backoff_seconds >= 0 && var.delivery.minimum_backoff_seconds <= var.delivery.maximum_backoff_seconds && var.delivery.maximum_backoff_seconds <= 600
    error_message = "delivery.minimum_backoff_seconds and delivery.maximum_backoff_seconds must be from 0 to 600, the minimum not above the maximum."
  }

  validation {
    condition     = var.delivery.retention_days >= 1 && var.delivery.retention_days <= 31
    error_message = "delivery.retention_days must be from 1 to 31: Pub/Sub keeps messages no longer."
  }
}

variable "labels" {
  description = "Labels of every topic and subscription."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "name" {
  description = "The topic's short name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,99}$", var.name)) && !startswith(var.name, "goog")
    error_message = "name must be 3 to 100 lower-case letters, digits and hyphens, start with a letter, and not with \"goog\"."
  }
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

variable "publishers" {
  description = "Who publishes, by a stable key: members such as serviceAccount:user-service@my-project.iam.gserviceaccount.com."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "region" {
  description = "The one region in which messages are stored: events carry personal data, and an ordering key holds per region."
  type        = string
  nullable    = false
}
