import TestNeeds
import Testing

/// A fault of the optimiser of Swift 6.3.1 that only an optimised build shows (`Deploy/test --release`): with it `curfew
/// status` showed one cleanup's numbers under another's name.
@Suite("child tasks in an optimised build", .tags(.pure))
struct OptimisedChildTaskTests {
    private struct Refused: Error {
        let number: Int
    }

    private struct Counted: Sendable {
        let number: Int
        let count: Result<Int, Refused>
    }

    private func count(_ number: Int) async throws(Refused) -> Int {
        await Task.yield()
        guard number != 7 else { throw Refused(number: number) }
        return number * 10
    }

    @Test("what a child task returns beside a result arrives, where it is put together outside of do-throws")
    func outside() async {
        let counted = await withTaskGroup(of: Counted.self) { group in
            for number in 1...9 {
                group.addTask {
                    let result: Result<Int, Refused>
                    do throws(Refused) {
                        result = .success(try await count(number))
                    } catch {
                        result = .failure(error)
                    }
                    return Counted(number: number, count: result)
                }
            }
            return await group.reduce(into: [Counted]()) { $0.append($1) }
        }
        #expect(counted.map(\.number).sorted() == Array(1...9))
        for item in counted where item.number != 7 {
            #expect((try? item.count.get()) == item.number * 10)
        }
    }

    /// Shows the fault, where the compiler has it; TidyTests sees to it that nothing in Sources is written so.
    @Test("as a tuple that is returned inside of do-throws, it is lost")
    func inside() async {
        let numbers = await withTaskGroup(of: (Int, Result<Int, Refused>).self) { group in
            for number in 1...9 {
                group.addTask {
                    do throws(Refused) {
                        return (number, .success(try await count(number)))
                    } catch {
                        return (number, .failure(error))
                    }
                }
            }
            return await group.reduce(into: [Int]()) { $0.append($1.0) }
        }
        withKnownIssue("the optimiser loses the number", isIntermittent: true) {
            #expect(numbers.sorted() == Array(1...9))
        }
    }
}
