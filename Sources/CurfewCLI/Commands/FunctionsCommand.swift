internal import ArgumentParser
internal import Curfew
internal import Foundation

/// `curfew functions`: prints the library as text, for an administrator to load if the worker's user may not.
struct FunctionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "functions", abstract: "Prints the library of functions that Curfew calls in Redis.",
        discussion: """
            If the worker may not load it (FUNCTION LOAD), an administrator loads it once per version on every \
            primary: curfew functions | redis-cli -x FUNCTION LOAD REPLACE
            """)

    @Flag(help: "Print the library with curfew_overview, the function for redis-cli users.")
    var overview = false

    func run() throws {
        // Written byte by byte: the loaded text is compared with it.
        let text = overview ? FunctionLibrary.overviewSource : FunctionLibrary.source
        Output.write(text, to: .standardOutput)
    }
}
