/// The JSON Schema (draft 2020-12) of the whole file, for editors.
///
/// Tests compare it with what the reader of the file knows, and check every example in the documentation with it. It
/// accepts what the reader accepts; the reader refuses more, for example a name of a field that is used twice.
package enum ConfigurationSchema {
    /// The document.
    package static let bytes = PackageResources.schema_json
}
