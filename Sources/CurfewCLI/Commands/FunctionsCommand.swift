internal import ArgumentParser
internal import Curfew
internal import Foundation

/// `curfew functions`: the library as text, for an administrator to load where the worker's user may not.
struct FunctionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "functions", abstract: "Prints the library of functions that Curfew calls in Redis.",
        discussion: """
            Where the worker may not load it (FUNCTION LOAD), an administrator does, once for each version, on every \
            primary: curfew functions | redis-cli -x FUNCTION LOAD REPLACE
            """)

    @Flag(help: "Prints the library with curfew_overview, the function for people.")
    var overview = false

    func run() throws {
        // Byte by byte, because the text that is loaded is compared with it.
        let text = overview ? FunctionLibrary.overviewSource : FunctionLibrary.source
        Output.write(text, to: .standardOutput)
    }
}
