internal import ArgumentParser
internal import Curfew
internal import Foundation

/// `curfew config schema`: prints the JSON Schema of the file.
struct ConfigSchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema", abstract: "Prints the JSON Schema of the configuration file, for editors.",
        discussion: """
            An editor with the YAML language server uses it if the file begins with: # yaml-language-server: \
            $schema=curfew.schema.json
            """)

    func run() {
        Output.write(String(decoding: ConfigurationSchema.bytes, as: UTF8.self), to: .standardOutput)
    }
}
