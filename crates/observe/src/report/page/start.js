// In the order in which a reader comes by.

const { at: asked, chosen } = readAddress();
moment.at = asked ?? worstMoment();
if (chosen) chooseByName(chosen);
drawNetwork();
drawReach();
drawTimeline();
drawAlarms();
drawHoles();
drawChecks();
drawVariants();
drawAssumptions();
drawTransport();
drawHead();
place();
setMoment(moment.at, asked !== null);
