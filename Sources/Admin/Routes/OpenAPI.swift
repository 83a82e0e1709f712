internal import NIOCore

/// The OpenAPI 3.1 description of the API.
///
/// A test calls every operation in it.
enum OpenAPI {
    /// The document.
    static let document = ByteBuffer(bytes: PackageResources.openapi_json)
}
