# The database: state, outbox, marks and effects.

locals {
  # Each query of the code that Firestore does not answer from its automatic indexes. The code's
  # queries are compared with this table.
  firestore_indexes = {
    emails-of-a-user = {
      collection = "emails"
      fields = [
        { field = "user_id", order = "ASCENDING" },
        { field = "sent_at", order = "ASCENDING" },
      ]
    }
    outbox-of-a-subject = {
      collection = "outbox"
      fields = [
        { field = "subject", order = "ASCENDING" },
        { field = "sequence", order = "ASCENDING" },
      ]
    }
  }

  # Collections whose documents end by themselves, each by its field `expires_at`. Firestore deletes
  # late (a day or so), so every read compares the field itself. Not outbox_leases, although they have
  # such a field: a lease that has run out while rows wait is what keeps their order.
  firestore_expiring = ["idempotency_keys", "processed_events"]

  # Collections of counts, each in its field `count`.
  firestore_counting = ["signups", "signups_by_source"]
}

resource "google_firestore_database" "fanout" {
  project     = var.project_id
  name        = var.firestore_database
  location_id = coalesce(var.firestore_location, var.region)
  type        = "FIRESTORE_NATIVE"

  # A week back, to the minute: a bad release can be undone.
  point_in_time_recovery_enablement = "POINT_IN_TIME_RECOVERY_ENABLED"

  # Protected, a destroy ends with an error. ABANDON would succeed, and leave a database that the next
  # apply can't make, since its id is taken.
  delete_protection_state = var.deletion_protection ? "DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"
  deletion_policy         = "DELETE"
}

# Operators trace an event through its documents, and change none.
resource "google_project_iam_member" "tracing" {
  for_each = var.operators

  project = var.project_id
  role    = "roles/datastore.viewer"
  member  = each.key

  condition {
    title       = "database-${trim(var.firestore_database, "()")}"
    description = "Only the database ${var.firestore_database}."
    expression  = "resource.type == \"firestore.googleapis.com/Database\" && resource.name == \"projects/${var.project_id}/databases/${var.firestore_database}\""
  }
}

resource "google_firestore_field" "expires_at" {
  for_each = toset(local.firestore_expiring)

  project    = var.project_id
  database   = google_firestore_database.fanout.name
  collection = each.key
  field      = "expires_at"

  ttl_config {}

  # No index: nobody queries the field, and an index on a time that only grows is a hot spot that
  # holds all writes of the collection to a few hundred a second.
  index_config {}
}

resource "google_firestore_field" "count" {
  for_each = toset(local.firestore_counting)

  project    = var.project_id
  database   = google_firestore_database.fanout.name
  collection = each.key
  field      = "count"

  # No index: nobody queries the field, and each sign-up would move an entry at the end of two.
  index_config {}
}

resource "google_firestore_index" "query" {
  for_each = local.firestore_indexes

  project     = var.project_id
  database    = google_firestore_database.fanout.name
  collection  = each.value.collection
  query_scope = "COLLECTION"

  dynamic "fields" {
    for_each = each.value.fields

    content {
      field_path = fields.value.field
      order      = fields.value.order
    }
  }
}
