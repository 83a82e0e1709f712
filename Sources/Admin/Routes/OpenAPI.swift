internal import NIOCore

/// The description of the API for programs: OpenAPI 3.1, kept true by a test that drives every operation in it.
enum OpenAPI {
    /// The document.
    static let document = ByteBuffer(bytes: PackageResources.openapi_json)
}
