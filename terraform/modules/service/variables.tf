variable "collector_image" {
  description = "The image of the collector that runs beside the service and sends its spans, by digest; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.collector_image == null || can(regex("^[^@[:space:]]+@sha256:[0-9a-f]{64}$", var.collector_image))
    error_message = "collector_image must name a container image by its digest (HOST/PATH@sha256:...): a tag can be moved, a plan cannot show it."
  }

  validation {
    condition     = var.collector_image == null || var.traces
    error_message = "A collector sends spans as the service's account: with collector_image, traces must be true."
  }
}

variable "concurrency" {
  description = "How many requests one instance takes at once."
  type        = number
  default     = 80
  nullable    = false

  validation {
    condition     = var.concurrency >= 1 && var.concurrency <= 1000
    error_message = "concurrency must be from 1 to 1000: Cloud Run takes nothing else."
  }
}

variable "cpu" {
  description = "CPUs of one instance."
  type        = string
  default     = "1"
  nullable    = false

  validation {
    condition     = contains(["1", "2", "4", "8"], var.cpu)
    error_message = "cpu must be 1, 2, 4 or 8: with less than 1 Cloud Run gives an instance one request at a time."
  }
}

variable "deletion_protection" {
  description = "Whether Terraform refuses to delete the service."
  type        = bool
  default     = true
  nullable    = false
}

variable "deployer" {
  description = "Who deploys revisions of this service besides a project owner, as a member; null if nobody does."
  type        = string
  default     = null
}

variable "env" {
  description = "Environment variables."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setintersection(keys(var.env), ["PORT", "K_SERVICE", "K_REVISION", "K_CONFIGURATION"])) == 0
    error_message = "env must not name PORT, K_SERVICE, K_REVISION or K_CONFIGURATION: Cloud Run sets these itself and refuses them."
  }
}

variable "firestore_database" {
  description = "The Firestore database that the service reads and writes; null for none."
  type        = string
  default     = null
}

variable "image" {
  description = "The container image, by digest."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[^@[:space:]]+@sha256:[0-9a-f]{64}$", var.image))
    error_message = "image must name a container image by its digest (HOST/PATH@sha256:...): a tag can be moved, a plan cannot show it."
  }
}

variable "ingress" {
  description = "From where the service can be reached at all, before anybody's rights are looked at."
  type        = string
  default     = "INGRESS_TRAFFIC_ALL"
  nullable    = false

  validation {
    condition     = contains(["INGRESS_TRAFFIC_ALL", "INGRESS_TRAFFIC_INTERNAL_ONLY", "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"], var.ingress)
    error_message = "ingress must be INGRESS_TRAFFIC_ALL, INGRESS_TRAFFIC_INTERNAL_ONLY or INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER."
  }
}

variable "invokers" {
  description = "Who may call the service, by a stable key: members such as serviceAccount:push-email@my-project.iam.gserviceaccount.com."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setintersection(values(var.invokers), ["allUsers", "allAuthenticatedUsers"])) == 0
    error_message = "invokers must name identities; a service is opened to everybody by `public`, and by nothing else."
  }
}

variable "labels" {
  description = "Labels of the service and its revisions."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "max_instances" {
  description = "How many instances there are at most."
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.max_instances >= 1 && var.max_instances >= var.min_instances
    error_message = "max_instances must be at least 1 and not below min_instances."
  }
}

variable "memory" {
  description = "Memory of one instance."
  type        = string
  default     = "256Mi"
  nullable    = false

  validation {
    condition     = can(regex("^[1-9][0-9]*(Mi|Gi)$", var.memory))
    error_message = "memory must be a size such as 256Mi or 1Gi."
  }
}

variable "min_instances" {
  description = "How many instances are kept warm."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.min_instances >= 0
    error_message = "min_instances must not be negative."
  }
}

variable "name" {
  description = "The service's name, its service account's, and the role that the image is started in."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.name))
    error_message = "name must be 6 to 30 lower-case letters, digits and hyphens, start with a letter and not end with a hyphen: it is a service account's id too."
  }
}

variable "project_id" {
  description = "The project's id."
  type        = string
  nullable    = false
}

variable "project_number" {
  description = "The project's number: part of the service's address."
  type        = string
  nullable    = false
}

variable "public" {
  description = "Whether everybody may call the service: nobody is checked, and `invokers` means nothing."
  type        = bool
  default     = false
  nullable    = false
}

variable "region" {
  description = "Where the service runs."
  type        = string
  nullable    = false
}

variable "secrets" {
  description = "Environment variables whose values are in Secret Manager: the secret's id and the version. `latest` is read when an instance starts."
  nullable    = false
  type = map(object({
    secret  = string
    version = string
  }))
  default = {}
}

variable "timeout_seconds" {
  description = "How long a request may take."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.timeout_seconds >= 1 && var.timeout_seconds <= 3600
    error_message = "timeout_seconds must be from 1 to 3600: Cloud Run takes nothing else."
  }
}

variable "traces" {
  description = "Whether it may send spans to Google's API of OTLP, by itself or by its collector."
  type        = bool
  default     = false
  nullable    = false
}

variable "viewers" {
  description = "Who may see how the service is set up: members such as group:operators@example.com."
  type        = set(string)
  default     = []
  nullable    = false
}
