// The one program that the node level runs in containers. No requirement, so no go.sum.
module podvigil.io/deploy/local/eater

go 1.26.0
