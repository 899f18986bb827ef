# Values that Google Cloud decides and a check looks at. The rest is made up by Terraform, a new one
# for each resource: so an identity that lands in the wrong place is found.

mock_resource "google_cloud_run_v2_service" {
  defaults = {
    urls = ["https://a-service-123456789012.us-central1.run.app"]
  }
}
