# The database: state, event store, marks and effects.

locals {
  # One index for each kind of query, its fields ascending but for those marked `desc`. Those of a single field are automatic, but
  # where a collection has none of these: an index on a time that only grows is a hot spot, which holds
  # all writes of the collection to a few hundred a second.
  _firestore_indexes = flatten([
    for collection, told in var.collections : [
      for fields in told.indexes : { collection = collection, fields = fields } if length(fields) > 1 || !told.automatic_indexes
    ]
  ])
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

# Operators trace and replay events, which reads, and skip them, which writes.
resource "google_project_iam_member" "operating" {
  for_each = var.operators

  project = var.project_id
  role    = "roles/datastore.user"
  member  = each.key

  condition {
    title       = "database-${trim(var.firestore_database, "()")}"
    description = "Only the database ${var.firestore_database}."
    expression  = "resource.type == \"firestore.googleapis.com/Database\" && resource.name == \"projects/${var.project_id}/databases/${var.firestore_database}\""
  }
}

# Firestore deletes late (a day or so), so every reader compares the field itself.
resource "google_firestore_field" "expires_at" {
  for_each = { for collection, told in var.collections : collection => told.expires_by if told.expires_by != null }

  project    = var.project_id
  database   = google_firestore_database.fanout.name
  collection = each.key
  field      = each.value

  ttl_config {}

  # No index: nobody queries the field.
  index_config {}
}

resource "google_firestore_field" "single" {
  for_each = { for index in local._firestore_indexes : "${index.collection}-${index.fields[0]}" => index if length(index.fields) == 1 }

  project    = var.project_id
  database   = google_firestore_database.fanout.name
  collection = each.value.collection
  field      = each.value.fields[0]

  index_config {
    indexes {
      order       = "ASCENDING"
      query_scope = "COLLECTION"
    }
  }
}

# Every other field.
resource "google_firestore_field" "others" {
  for_each = toset([for collection, told in var.collections : collection if !told.automatic_indexes])

  project    = var.project_id
  database   = google_firestore_database.fanout.name
  collection = each.key
  field      = "*"

  index_config {}

  # A field that a query asks for is never without its index.
  depends_on = [google_firestore_field.single]
}

resource "google_firestore_index" "query" {
  for_each = { for index in local._firestore_indexes : replace(join("-", concat([index.collection], index.fields)), " ", "-") => index if length(index.fields) > 1 }

  project     = var.project_id
  database    = google_firestore_database.fanout.name
  collection  = each.value.collection
  query_scope = "COLLECTION"

  dynamic "fields" {
    for_each = each.value.fields

    content {
      field_path = trimsuffix(fields.value, " desc")
      order      = endswith(fields.value, " desc") ? "DESCENDING" : "ASCENDING"
    }
  }
}
