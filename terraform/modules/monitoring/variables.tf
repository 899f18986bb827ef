variable "dead_letter_subscriptions" {
  description = "Subscriptions that must be empty."
  type        = list(string)
  nullable    = false
}

variable "environment" {
  description = "Short name of the environment: part of every alert's name."
  type        = string
  nullable    = false
}

variable "labels" {
  description = "Labels of alerts and channels."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "notification_channels" {
  description = "Ids of existing notification channels."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "notification_email" {
  description = "Address of a notification channel to make; null for none."
  type        = string
  default     = null
}

variable "project_id" {
  description = "The project's id."
  type        = string
  nullable    = false
}

variable "public_service" {
  description = "The service whose latency people feel."
  type        = string
  nullable    = false
}

variable "retention_days" {
  description = "For how many days messages and dead letters are kept: how long there is to mend things."
  type        = object({ dead_letters = number, messages = number })
  nullable    = false
}

variable "services" {
  description = "All services."
  type        = list(string)
  nullable    = false
}

variable "subscriptions" {
  description = "The push subscriptions."
  type        = list(string)
  nullable    = false
}

variable "thresholds" {
  description = "When somebody is told."
  nullable    = false
  type = object({
    error_ratio            = number
    latency_p95_ms         = number
    oldest_outbox_seconds  = number
    oldest_unacked_seconds = number
  })
}

variable "tick_job" {
  description = "The Cloud Scheduler job that calls the ticker."
  type        = string
  nullable    = false
}

variable "ticker" {
  description = "The service that relays what waits in the outbox, and logs how old the oldest is."
  type        = string
  nullable    = false
}

variable "topics" {
  description = "The topics events are published on."
  type        = list(string)
  nullable    = false
}
