// The page of the grid alone: what was told of a cell stands below.
const told = data("told");
setUpHeatmap((number) => told[number]);
