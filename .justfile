# All that a change must pass.
verify:
    .ci/run

# Puts mistakes into a copy of the code and says which of them no test notices; takes hours.
mutants *arguments:
    .ci/mutants {{arguments}}
